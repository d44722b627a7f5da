using System.Text.Json;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Tokenization.PreTokenizers;

namespace Rlhf.Modeling.Gguf;

/// <summary>
/// The values of <c>tokenizer.ggml.pre</c>, each a way to split texts that is built into llama.cpp (src/llama-vocab.cpp), with the
/// pre_tokenizer of tokenizer.json that does the same.
/// </summary>
internal static class GgufPreTokenizers
{
    private const string Bytes = "ByteLevel", SplitBytes = "ByteLevel with its pattern", SingleDigits = "Digits one by one";

    private const string Words = @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+";
    private const string CapitalWords = @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*";
    private const string Contraction = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?";
    private const string Rest = @"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>IgnoreMerges: words that are in the vocabulary are not put together from their parts.</summary>
    private static readonly (string Name, string[] Steps, bool IgnoreMerges)[] All =
    [
        ("gpt-2", [SplitBytes], false),
        ("smollm", [SingleDigits, SplitBytes], false),
        ("llama-bpe", [SplitPatterns.Llama3, Bytes], true),
        ("dbrx", [SplitPatterns.Llama3, Bytes], false),
        ("qwen2", [SplitPatterns.Qwen2, Bytes], false),
        ("qwen35", [@"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+", Bytes], false),
        ("tekken", [Words + "|" + CapitalWords + @"|\p{N}" + Rest, Bytes], true),
        ("gpt-4o", [Words + Contraction + "|" + CapitalWords + Contraction + @"|\p{N}{1,3}" + Rest, Bytes], false),
        ("bloom", [" ?[^(\\s|[.,!?…。，、।۔،])]+", Bytes], false),
    ];

    /// <summary>Finds the name, or adds a fault.</summary>
    /// <param name="preTokenizer">The component of tokenizer.json.</param>
    /// <param name="ignoreMerges">The model's <c>ignore_merges</c>.</param>
    /// <param name="metadata">Takes faults and notes.</param>
    public static string Find(JsonElement preTokenizer, bool ignoreMerges, GgufMetadata metadata)
    {
        string[] steps = [.. Flatten(preTokenizer).Select(Describe)];
        var matches = All.Where(entry => entry.Steps.SequenceEqual(steps)).OrderByDescending(entry => entry.IgnoreMerges == ignoreMerges).ToArray();
        if (matches.Length == 0)
        {
            metadata.Faults.Add($"pre_tokenizer [{string.Join("; ", steps)}] is none of those that llama.cpp has: {string.Join(", ", All.Select(entry => entry.Name))}");
            return "";
        }

        if (matches[0].IgnoreMerges != ignoreMerges)
        {
            metadata.Notes.Add($"model.ignore_merges is {(ignoreMerges ? "true" : "false")}, and not so in llama.cpp's {matches[0].Name}: some words may be split differently");
        }

        return matches[0].Name;
    }

    private static IEnumerable<JsonElement> Flatten(JsonElement step) => TokenizerJson.TypeOf(step) switch
    {
        null => [],
        "Sequence" => TokenizerJson.Child(step, "pretokenizers").EnumerateArray().SelectMany(Flatten),
        _ => [step],
    };

    private static string Describe(JsonElement step) => TokenizerJson.TypeOf(step) switch
    {
        "ByteLevel" when TokenizerJson.Flag(step, "add_prefix_space") => "ByteLevel with add_prefix_space",
        "ByteLevel" => TokenizerJson.Flag(step, "use_regex", absent: true) ? SplitBytes : Bytes,
        "Digits" when TokenizerJson.Flag(step, "individual_digits") => SingleDigits,
        "Split" when IsolatesMatches(step) && TokenizerJson.Child(TokenizerJson.Child(step, "pattern"), "Regex") is { ValueKind: JsonValueKind.String } pattern
            => pattern.GetString()!,
        _ => step.GetRawText(),
    };

    /// <summary>Two ways to say that words are what the pattern matches; the known patterns match everything.</summary>
    private static bool IsolatesMatches(JsonElement step) =>
        (TokenizerJson.Text(step, "behavior", "pre_tokenizer"), TokenizerJson.Flag(step, "invert")) is ("Isolated", false) or ("Removed", true);
}
