using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Transformer;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Adapters;

/// <summary>PEFT's directories: adapter_config.json and adapter_model.safetensors.</summary>
public sealed partial class LoraAdapter
{
    private const string WeightsFile = "adapter_model.safetensors";
    private const string Prefix = "base_model.model.";
    private const string CausalTask = "CAUSAL_LM";
    private const string ScalarTask = "SEQ_CLS";
    private const string Score = "score";

    /// <summary>Attaches an adapter that PEFT or <see cref="Save"/> wrote to a language model.</summary>
    /// <param name="model">The model that the adapter was trained on.</param>
    /// <param name="dir">A directory with adapter_config.json and adapter_model.safetensors.</param>
    /// <exception cref="CheckpointException">If files are absent or damaged, need what is not implemented, or do not fit the model.</exception>
    public static LoraAdapter Load(CausalLanguageModel model, string dir) => Load(model, LoraConfigFile.Read(dir), CausalTask, dir);

    /// <summary>Attaches an adapter that PEFT or <see cref="Save"/> wrote to a reward model or critic, whose head it replaces.</summary>
    /// <param name="model">The model that the adapter was trained on.</param>
    /// <param name="dir">A directory with adapter_config.json and adapter_model.safetensors.</param>
    /// <exception cref="CheckpointException">If files are absent or damaged, need what is not implemented, or do not fit the model.</exception>
    public static LoraAdapter Load(ScalarHeadModel model, string dir) => Load(model, WithScore(LoraConfigFile.Read(dir)), ScalarTask, dir);

    /// <summary>Saves the adapter alone, for PEFT and <see cref="Load(CausalLanguageModel, string)"/>; the directory appears whole or not at all.</summary>
    /// <param name="dir">The directory to create or replace.</param>
    /// <exception cref="CheckpointException">If a weight is not finite.</exception>
    public void Save(string dir)
    {
        var weights = NamedParameters().ToDictionary(entry => Prefix + entry.Name, entry => (Tensor)entry.Parameter, StringComparer.Ordinal);
        foreach (var (name, weight) in weights)
        {
            WeightsReader.CheckFinite(dir, name, weight);
        }

        AtomicDirectory.Write(dir, temporary =>
        {
            LoraConfigFile.Write(temporary, Config, _taskType);
            SafeTensorsWriter.Write(Path.Combine(temporary, WeightsFile), weights, new Dictionary<string, string> { ["format"] = "pt" });
        });
    }

    private static LoraAdapter Load(nn.Module model, LoraConfig config, string taskType, string dir)
    {
        ArgumentNullException.ThrowIfNull(model);
        var path = Path.Combine(dir, WeightsFile);
        if (!File.Exists(path))
        {
            throw new CheckpointException($"{dir}: has no {WeightsFile}");
        }

        using var file = SafeTensorsFile.Open(path);
        if (config.R > file.Names.Select(name => file.Describe(name).Shape.FirstOrDefault()).DefaultIfEmpty().Max())
        {
            throw new CheckpointException($"{dir}: r is {config.R}, which no tensor of {WeightsFile} has");
        }

        LoraAdapter adapter;
        try
        {
            adapter = new LoraAdapter(model, config, taskType);
        }
        catch (ArgumentException fault)
        {
            throw new CheckpointException($"{dir}: {fault.Message}", fault);
        }

        try
        {
            adapter.Read(file, dir);
            return adapter;
        }
        catch
        {
            adapter.Detach();
            throw;
        }
    }

    private void Read(SafeTensorsFile file, string dir)
    {
        var expected = NamedParameters().ToDictionary(entry => Prefix + entry.Name, entry => entry.Parameter, StringComparer.Ordinal);
        List<string> faults =
        [
            .. expected.Keys.Except(file.Names).Order(StringComparer.Ordinal).Select(name => $"missing tensor {name}"),
            .. file.Names.Except(expected.Keys).Select(name => $"unexpected tensor {name}"),
            .. expected.Where(entry => file.Names.Contains(entry.Key) && !file.Describe(entry.Key).Shape.SequenceEqual(entry.Value.shape)).Select(entry =>
                $"tensor {entry.Key} has shape [{string.Join(", ", file.Describe(entry.Key).Shape)}], the model needs [{string.Join(", ", entry.Value.shape)}]"),
        ];
        if (faults.Count > 0)
        {
            throw new CheckpointException($"{dir}: {string.Join("; ", faults)}");
        }

        foreach (var (name, parameter) in expected)
        {
            if (!file.ReadInto(name, parameter))
            {
                throw new CheckpointException($"{dir}: tensor {name} holds NaN or infinite weights");
            }
        }
    }
}
