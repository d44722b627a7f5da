using System.Text.Json;
using Rlhf.Modeling.Transformer;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Checkpoints;

/// <summary>
/// The tensors of a model directory – model.safetensors, or its shards with their index – under the names that the model's parameters
/// have: files of the stack alone leave its first name out, and old files also hold tensors that follow from the config.
/// </summary>
internal sealed class StoredWeights : IDisposable
{
    public const string WeightsFile = "model.safetensors";
    public const string IndexFile = "model.safetensors.index.json";

    private readonly string _directory;
    private readonly List<SafeTensorsFile> _files = [];
    private readonly Dictionary<string, (SafeTensorsFile File, string Name)> _tensors = new(StringComparer.Ordinal);

    private StoredWeights(string directory) => _directory = directory;

    public IReadOnlyCollection<string> Names => _tensors.Keys;

    /// <summary>Opens every file of the directory.</summary>
    /// <param name="directory">A model directory.</param>
    /// <param name="config">Its config.</param>
    /// <exception cref="CheckpointException">
    /// If a file is absent or damaged, two files hold one tensor, or the config is that of a larger model.
    /// </exception>
    public static StoredWeights Open(string directory, TransformerConfig config)
    {
        var names = config.Architecture.Names;
        var weights = new StoredWeights(directory);
        try
        {
            foreach (var file in WeightFiles(directory))
            {
                weights.Add(file, names);
            }

            weights.AddPrefix(names);
            weights.CheckSize(config);
            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    public bool Contains(string name) => _tensors.ContainsKey(name);

    public long[] Shape(string name) => _tensors[name].File.Describe(_tensors[name].Name).Shape;

    public Tensor Read(string name, ScalarType dtype) => _tensors[name].File.Read(_tensors[name].Name, dtype);

    public bool ReadInto(string name, Tensor target, bool transposed) => _tensors[name].File.ReadInto(_tensors[name].Name, target, transposed);

    public void Remove(string name) => _tensors.Remove(name);

    public void Dispose() => _files.ForEach(file => file.Dispose());

    private static string[] WeightFiles(string directory)
    {
        var indexPath = Path.Combine(directory, IndexFile);
        if (File.Exists(Path.Combine(directory, WeightsFile)) || !File.Exists(indexPath))
        {
            return [WeightsFile];
        }

        try
        {
            using var index = JsonDocument.Parse(File.ReadAllBytes(indexPath));
            var files = index.RootElement.GetProperty("weight_map").EnumerateObject().Select(entry => entry.Value.GetString()).Distinct();
            return [.. files.Select(name => !string.IsNullOrEmpty(name) && Path.GetFileName(name) == name
                ? name
                : throw new CheckpointException($"{indexPath}: \"{name}\" must be a file name without a folder"))];
        }
        catch (Exception fault) when (fault is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new CheckpointException($"{indexPath}: must hold weight_map, an object of tensor name: file name", fault);
        }
    }

    private void Add(string fileName, ModuleNames names)
    {
        var path = Path.Combine(_directory, fileName);
        if (!File.Exists(path))
        {
            throw new CheckpointException($"{_directory}: has no {fileName}");
        }

        var file = SafeTensorsFile.Open(path);
        _files.Add(file);
        foreach (var name in file.Names.Where(name => !names.Buffers.Any(end => name.EndsWith(end, StringComparison.Ordinal))))
        {
            if (!_tensors.TryAdd(name, (file, name)))
            {
                throw new CheckpointException($"{_directory}: tensor \"{name}\" is in two files");
            }
        }
    }

    /// <summary>A damaged config must not make us reserve memory for a model that the files cannot fill.</summary>
    private void CheckSize(TransformerConfig config)
    {
        var elements = Names.Sum(name => Shape(name).Aggregate(1.0, (product, extent) => product * extent));
        if (config.MinimumWeights > elements)
        {
            throw new CheckpointException($"{_directory}: the config needs more than {config.MinimumWeights:R} weights, the files hold {elements:R}");
        }
    }

    private void AddPrefix(ModuleNames names)
    {
        if (!Contains(string.Join('.', [.. names.Body[1..], names.TokenEmbedding, "weight"])))
        {
            return;
        }

        foreach (var (name, tensor) in _tensors.ToArray())
        {
            if (!name.StartsWith($"{names.Head}.", StringComparison.Ordinal) && !name.StartsWith("score.", StringComparison.Ordinal)
                && !name.StartsWith($"{names.Body[0]}.", StringComparison.Ordinal))
            {
                _tensors.Remove(name);
                _tensors.TryAdd($"{names.Body[0]}.{name}", tensor);
            }
        }
    }
}
