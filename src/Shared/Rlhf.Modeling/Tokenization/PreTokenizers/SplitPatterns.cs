namespace Rlhf.Modeling.Tokenization.PreTokenizers;

/// <summary>Where the word that starts at <paramref name="start"/> ends (exclusive); always after <paramref name="start"/>.</summary>
internal delegate int WordEnd(ReadOnlySpan<char> text, int start);

/// <summary>The split patterns with a hand-written scanner: faster than a regular expression, and right beyond the basic plane.</summary>
internal static class SplitPatterns
{
    /// <summary>GPT-2 (openai/gpt-2, src/encoder.py).</summary>
    public const string Gpt2 = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <summary>Llama 3, the same as tiktoken's cl100k_base but for possessive quantifiers.</summary>
    public const string Llama3 = Llama3Beginning + @"\p{N}{1,3}" + Llama3End;

    /// <summary>Qwen 2, 2.5 and 3: as Llama 3, with numbers cut into single digits.</summary>
    public const string Qwen2 = Llama3Beginning + @"\p{N}" + Llama3End;

    private const string Llama3Beginning = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|";
    private const string Llama3End = @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>The scanner of a pattern, or null if it has none.</summary>
    public static WordEnd? Find(string pattern) => pattern switch
    {
        Gpt2 => Gpt2Splitter.WordEnd,
        Llama3 => Llama3Splitter.WordEnd,
        Qwen2 => Llama3Splitter.WordEndWithSingleDigits,
        _ => null,
    };
}
