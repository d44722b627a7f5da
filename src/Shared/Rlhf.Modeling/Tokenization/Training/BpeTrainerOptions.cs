using Rlhf.Modeling.Tokenization.PreTokenizers;

namespace Rlhf.Modeling.Tokenization;

/// <summary>What a tokenizer is trained with; names as in the reference trainer (tokenizers, BpeTrainer).</summary>
public sealed record BpeTrainerOptions
{
    /// <summary>The split patterns a trained tokenizer can have: gpt2, llama3, qwen2.</summary>
    public static IReadOnlyList<string> SplitNames { get; } = ["gpt2", "llama3", "qwen2"];

    /// <summary>The wanted number of ids: special tokens, 256 bytes, merges.</summary>
    public required int VocabSize { get; init; }

    /// <summary>Texts that are one id each and never part of a word; they take the first ids.</summary>
    public IReadOnlyList<string> SpecialTokens { get; init; } = [];

    /// <summary>A pair that occurs less often is not merged.</summary>
    public long MinFrequency { get; init; } = 2;

    /// <summary>How texts are cut into words, one of <see cref="SplitNames"/>.</summary>
    public string Split { get; init; } = "gpt2";

    /// <summary>The most threads that count words; -1 for as many as there are cores. The result does not depend on it.</summary>
    public int MaxDegreeOfParallelism { get; init; } = -1;

    /// <summary>All faults, each naming the option and its legal values; empty if it can be used.</summary>
    public IReadOnlyList<string> Validate()
    {
        var faults = new List<string>();
        if (SpecialTokens.Any(string.IsNullOrEmpty) || SpecialTokens.Distinct(StringComparer.Ordinal).Count() != SpecialTokens.Count)
        {
            faults.Add("special tokens must be non-empty and distinct");
        }

        if (VocabSize < 256 + SpecialTokens.Count || VocabSize > 1 << 24)
        {
            faults.Add($"vocab-size is {VocabSize}; it must be from {256 + SpecialTokens.Count} (256 bytes and the special tokens) to {1 << 24}");
        }

        if (MinFrequency < 1)
        {
            faults.Add($"min-frequency is {MinFrequency}; it must be at least 1");
        }

        if (!SplitNames.Contains(Split))
        {
            faults.Add($"split is \"{Split}\"; known: {string.Join(", ", SplitNames)}");
        }

        return faults;
    }

    internal string Pattern => Split switch
    {
        "llama3" => SplitPatterns.Llama3,
        "qwen2" => SplitPatterns.Qwen2,
        _ => SplitPatterns.Gpt2,
    };
}

/// <summary>How far a training is.</summary>
/// <param name="Characters">UTF-16 units read so far.</param>
/// <param name="Words">Different words found; 0 while texts are read.</param>
/// <param name="VocabSize">The ids so far.</param>
public readonly record struct BpeTrainingProgress(long Characters, int Words, int VocabSize);
