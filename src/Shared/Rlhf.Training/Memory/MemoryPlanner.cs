using Rlhf.Modeling.Transformer;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Training.Memory;

/// <summary>What a run is made of, as far as its memory goes.</summary>
public sealed record RunShape
{
    /// <summary>The shape of the model that is trained.</summary>
    public required TransformerConfig Model { get; init; }

    /// <summary>Parameters of the models that are trained, whether or not an adapter stands for them.</summary>
    public required long Parameters { get; init; }

    /// <summary>Parameters that get gradients and moments.</summary>
    public required long Trainable { get; init; }

    /// <summary>Of these, how many an average is kept of.</summary>
    public long Averaged { get; init; }

    /// <summary>Parameters of frozen models beside: reference, reward model.</summary>
    public long Frozen { get; init; }

    /// <summary>Rows of one forward and backward pass.</summary>
    public required int Rows { get; init; }

    /// <summary>Tokens of the longest row.</summary>
    public required int Tokens { get; init; }

    /// <summary>Decoders that a pass goes through with gradients: 2 for policy and critic.</summary>
    public int Decoders { get; init; } = 1;

    /// <summary>Whether activations are computed again instead of being held.</summary>
    public bool GradientCheckpointing { get; init; }

    /// <summary>Texts that are sampled at the same time; 0: the run does not sample.</summary>
    public int SampledRows { get; init; }
}

/// <summary>Estimates what a run needs. Weights, gradients and moments are exact for single precision; activations and caches are upper estimates.</summary>
public static class MemoryPlanner
{
    // Log-probabilities of more logits than this are computed again in the backward pass (CausalLanguageModel.Logprobs).
    private const long LargestLogits = 512L << 20;

    /// <summary>The plan of a run.</summary>
    public static MemoryPlan Plan(RunShape run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var model = run.Model;
        var width = (long)model.HiddenSize;
        var keyWidth = (long)model.NumKeyValueHeads * model.HeadDim;
        var tokens = (long)run.Rows * run.Tokens;

        // What autograd holds of a block for each token: its input, two norms, q and the attention's result, its projection, the sum between
        // the two halves, k and v, and three inner results of the feed-forward block.
        var layer = ((7 * width) + (2 * keyWidth) + (3L * model.IntermediateSize)) * sizeof(float) * tokens;
        var activations = run.GradientCheckpointing
            ? layer + (model.NumHiddenLayers * width * sizeof(float) * tokens)
            : layer * model.NumHiddenLayers;
        var logits = Math.Min((long)model.VocabSize * tokens * sizeof(float), LargestLogits);
        return new MemoryPlan(
        [
            ("parameters", run.Parameters * sizeof(float)),
            ("gradients", run.Trainable * sizeof(float)),
            ("optimizer (AdamW)", 2 * run.Trainable * sizeof(float)),
            ("weight average (EMA)", run.Averaged * sizeof(float)),
            ("frozen models", run.Frozen * sizeof(float)),
            ("activations", activations * run.Decoders),
            ("logits", logits),
            ("KV cache", 2 * keyWidth * model.NumHiddenLayers * sizeof(float) * run.SampledRows * run.Tokens),
        ]);
    }

    /// <summary>The number of elements of a module's parameters.</summary>
    public static long Count(nn.Module module)
    {
        ArgumentNullException.ThrowIfNull(module);
        return module.parameters().Sum(p => p.numel());
    }

    /// <summary>Bytes this process may still take: what the container or the machine has, less what is in use.</summary>
    public static long Available()
    {
        var limit = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var free = AvailableOfMachine() ?? limit;
        return Math.Min(limit - Environment.WorkingSet, free);
    }

    // /proc/meminfo: "MemAvailable:   12345678 kB" – what can be had without swapping (kernel documentation, filesystems/proc).
    private static long? AvailableOfMachine()
    {
        const string File = "/proc/meminfo";
        var line = System.IO.File.Exists(File) ? System.IO.File.ReadLines(File).FirstOrDefault(l => l.StartsWith("MemAvailable:", StringComparison.Ordinal)) : null;
        return line is null ? null : long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture) * 1024;
    }
}
