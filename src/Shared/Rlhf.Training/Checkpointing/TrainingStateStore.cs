using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Training.Metrics;
using Rlhf.Training.Storage;

namespace Rlhf.Training.Checkpointing;

/// <summary>
/// Training states on disk: <c>DIRECTORY/state-000000120/{state.json, tensors.safetensors, SHA256SUMS}</c>. A state is written
/// beside and renamed, so a directory of that name is complete or damaged later, which its checksums show.
/// </summary>
/// <param name="directory">The run's state directory; made when missing.</param>
/// <param name="keep">How many of the newest states stay.</param>
public sealed class TrainingStateStore(string directory, int keep = 2)
{
    private const string Prefix = "state-";
    private const string DocumentFile = "state.json";
    private const string TensorFile = "tensors.safetensors";
    private const string SumsFile = "SHA256SUMS";
    private const int Format = 1;

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>Writes a state and then removes the oldest beyond those kept. Where it cannot be written, the earlier ones stay and nothing half-written is left.</summary>
    /// <exception cref="DiskFullException">There is no room for it.</exception>
    public void Save(TrainingState state)
    {
        Directory.CreateDirectory(directory);
        var target = Path.Combine(directory, Prefix + state.Step.ToString("D9", CultureInfo.InvariantCulture));
        var beside = Path.Combine(directory, $".{Path.GetFileName(target)}.partial");
        DeleteDirectory(beside);
        var document = JsonSerializer.SerializeToUtf8Bytes(
            new Document(Format, state.Step, state.Configuration, new(state.Counters), new(state.Numbers), [.. state.History]), Json);
        var bytes = document.Length + state.Tensors.Values.Sum(t => t.numel() * t.element_size());
        DiskSpace.Require(directory, bytes, reserve: 0, What(state));
        try
        {
            Directory.CreateDirectory(beside);
            DiskSpace.Write(directory, bytes, What(state), () =>
            {
                SafeTensorsWriter.Write(Path.Combine(beside, TensorFile), state.Tensors);
                File.WriteAllBytes(Path.Combine(beside, DocumentFile), document);
                File.WriteAllText(Path.Combine(beside, SumsFile), $"{Hash(beside, DocumentFile)}  {DocumentFile}\n{Hash(beside, TensorFile)}  {TensorFile}\n");
            });
            DeleteDirectory(target);
            Directory.Move(beside, target);
        }
        finally
        {
            DeleteDirectory(beside);
        }

        foreach (var old in States().Skip(keep))
        {
            DeleteDirectory(old);
        }
    }

    /// <summary>Whether there is any state, intact or not.</summary>
    public bool HasStates => States().Any();

    /// <summary>Removes every state, so that the run begins anew.</summary>
    public void Clear()
    {
        foreach (var state in States())
        {
            DeleteDirectory(state);
        }
    }

    /// <summary>
    /// The newest intact state, or null where there is none. Damaged ones are passed over.
    /// </summary>
    /// <param name="configuration">The hyperparameters of the run that wants to continue.</param>
    /// <param name="warn">Gets one sentence for each damaged state, which names it.</param>
    /// <exception cref="TrainingStateException">If the newest intact state was made under other hyperparameters.</exception>
    public TrainingState? LoadLatest(string configuration, Action<string>? warn = null)
    {
        foreach (var candidate in States())
        {
            try
            {
                return Load(candidate, configuration);
            }
            catch (Exception exception) when ((exception is IOException or JsonException or InvalidDataException or CheckpointException) && !StorageFaults.IsTransient(exception))
            {
                warn?.Invoke($"The training state {candidate} is damaged and was passed over: {exception.Message}");
            }
        }

        return null;
    }

    private static string What(TrainingState state) => $"the training state of step {state.Step}";

    private static TrainingState Load(string path, string configuration)
    {
        var sums = File.ReadAllLines(Path.Combine(path, SumsFile))
            .Select(line => line.Split("  ", 2))
            .ToDictionary(parts => parts[^1], parts => parts[0], StringComparer.Ordinal);
        foreach (var file in new[] { DocumentFile, TensorFile })
        {
            if (!sums.TryGetValue(file, out var expected) || !string.Equals(expected, Hash(path, file), StringComparison.Ordinal))
            {
                throw new InvalidDataException($"{file} does not have the checksum that {SumsFile} lists.");
            }
        }

        var document = JsonSerializer.Deserialize<Document>(File.ReadAllBytes(Path.Combine(path, DocumentFile)), Json)
            ?? throw new InvalidDataException($"{DocumentFile} is empty.");
        if (document.Format != Format)
        {
            throw new TrainingStateException($"{Path.Combine(path, DocumentFile)} has format {document.Format}; this program reads format {Format}.");
        }

        if (!string.Equals(document.Configuration, configuration, StringComparison.Ordinal))
        {
            throw new TrainingStateException(
                $"The training state {path} was made with other hyperparameters; a run continues only with its own. Saved: {document.Configuration} Given: {configuration}");
        }

        var state = new TrainingState(document.Step, document.Configuration, ownsTensors: true);
        foreach (var (name, value) in document.Counters)
        {
            state.Counters.Add(name, value);
        }

        foreach (var (name, value) in document.Numbers)
        {
            state.Numbers.Add(name, value);
        }

        foreach (var progress in document.History)
        {
            state.History.Add(progress);
        }

        using var tensors = SafeTensorsFile.Open(Path.Combine(path, TensorFile));
        foreach (var name in tensors.Names)
        {
            // States outlive the dispose scope they are read in; Dispose of the state frees them.
            state.Add(name, tensors.Read(name).DetachFromDisposeScope());
        }

        return state;
    }

    private static string Hash(string path, string file)
    {
        using var stream = File.OpenRead(Path.Combine(path, file));
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private static void DeleteDirectory(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }

    private IEnumerable<string> States() => Directory.Exists(directory)
        ? [.. Directory.EnumerateDirectories(directory, Prefix + "*").OrderByDescending(p => p, StringComparer.Ordinal)]
        : [];

    private sealed record Document(
        int Format,
        int Step,
        string Configuration,
        Dictionary<string, ulong> Counters,
        Dictionary<string, double> Numbers,
        List<TrainingProgress> History);
}
