namespace Rlhf.Modeling.Generation;

/// <summary>What generation may use of the machine. Only <see cref="LoadIn8Bit"/> changes what is generated (beyond rounding).</summary>
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

    /// <summary>
    /// Generates with 8-bit copies of the model's matrices: blocks of 32 weights share a scale, as in GGUF's Q8_0. They are made anew for
    /// every call (once for a <see cref="StreamingGenerator"/>). Faster where reading weights is the limit, that is for few sequences at a
    /// time; log-probabilities are those of the rounded weights. Default false.
    /// </summary>
    public bool LoadIn8Bit { get; init; }

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
