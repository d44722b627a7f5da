namespace Rlhf.Modeling.Generation;

/// <summary>How tokens are drawn. Applied in this order: temperature, top-k, top-p.</summary>
public sealed record SamplingParameters
{
    /// <summary>At most this many tokens are generated; default 64.</summary>
    public int MaxNewTokens { get; init; } = 64;

    /// <summary>Logits are divided by this; 0 takes the most probable token (greedy); default 1.</summary>
    public double Temperature { get; init; } = 1.0;

    /// <summary>Only the k most probable tokens stay (with ties at the k-th place); 0: all; default 0.</summary>
    public int TopK { get; init; }

    /// <summary>Only the smallest set of most probable tokens with at least this probability stays, at least one; 1: all; default 1.</summary>
    public double TopP { get; init; } = 1.0;

    /// <summary>Checks every field.</summary>
    /// <returns>All faults, each naming the field, its value and the legal values; empty if there are none.</returns>
    public IReadOnlyList<string> Validate()
    {
        var faults = new List<string>();
        if (MaxNewTokens < 1)
        {
            faults.Add($"{nameof(MaxNewTokens)} ({MaxNewTokens}) must be at least 1");
        }

        if (!(Temperature >= 0 && double.IsFinite(Temperature)))
        {
            faults.Add($"{nameof(Temperature)} ({Temperature}) must be 0 or positive");
        }

        if (TopK < 0)
        {
            faults.Add($"{nameof(TopK)} ({TopK}) must be 0 (all) or positive");
        }

        if (!(TopP > 0 && TopP <= 1))
        {
            faults.Add($"{nameof(TopP)} ({TopP}) must lie in (0, 1]");
        }

        return faults;
    }
}
