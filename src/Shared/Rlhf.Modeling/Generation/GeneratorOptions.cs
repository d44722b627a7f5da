namespace Rlhf.Modeling.Generation;

/// <summary>What generation may use of the machine. None of it changes what is generated (up to rounding).</summary>
public sealed record GeneratorOptions
{
    /// <summary>The most sequences that are continued at a time; others wait. Default 256.</summary>
    public int MaxBatchSize { get; init; } = 256;

    /// <summary>The most prompt tokens, padding included, that are read in one pass; a longer prompt has a pass of its own. Default 8192.</summary>
    public int MaxPrefillTokens { get; init; } = 8192;

    /// <summary>
    /// The most bytes for cached keys and values; fewer sequences run at a time where <see cref="MaxBatchSize"/> would need more. Default 2 GiB.
    /// </summary>
    public long MaxCacheBytes { get; init; } = 2L << 30;

    /// <summary>
    /// The longest prompt and continuation together that a <see cref="StreamingGenerator"/> makes room for; null: what the model was made for.
    /// </summary>
    public int? MaxSequenceLength { get; init; }

    /// <summary>Checks every field.</summary>
    /// <returns>All faults, each naming the field, its value and the legal values; empty if there are none.</returns>
    public IReadOnlyList<string> Validate()
    {
        var faults = new List<string>();
        Positive(nameof(MaxBatchSize), MaxBatchSize);
        Positive(nameof(MaxPrefillTokens), MaxPrefillTokens);
        Positive(nameof(MaxCacheBytes), MaxCacheBytes);
        Positive(nameof(MaxSequenceLength), MaxSequenceLength ?? 1);
        return faults;

        void Positive(string field, long value)
        {
            if (value < 1)
            {
                faults.Add($"{field} ({value}) must be at least 1");
            }
        }
    }
}
