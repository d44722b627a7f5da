using System.Text.Json;
using Rlhf.Modeling.Tokenization;

namespace Rlhf.Modeling.Gguf;

/// <summary>
/// What a tokenizer with byte fallback does about spaces. llama.cpp's <c>llama</c> tokenizer writes every space as ▁ (U+2581) and can put
/// one before each piece of text between special tokens; nothing else.
/// </summary>
internal static class GgufSpaces
{
    private const string Mark = "▁";

    /// <summary>Whether a space is put before texts; adds a fault for whatever llama.cpp cannot do.</summary>
    public static bool Find(JsonElement tokenizer, GgufMetadata metadata)
    {
        var (prefix, replaced) = (false, false);
        foreach (var step in GgufTokenizer.Steps(TokenizerJson.Child(tokenizer, "normalizer")))
        {
            var type = TokenizerJson.TypeOf(step);
            if (type == "Prepend" && TokenizerJson.Text(step, "prepend", "normalizer") == Mark)
            {
                prefix = true;
            }
            else if (type == "Replace" && TokenizerJson.Text(step, "content", "normalizer") == Mark
                && TokenizerJson.Child(TokenizerJson.Child(step, "pattern"), "String") is { ValueKind: JsonValueKind.String } space && space.GetString() == " ")
            {
                replaced = true;
            }
            else
            {
                metadata.Faults.Add($"normalizer {step.GetRawText()} has no counterpart in llama.cpp's tokenizer with byte fallback");
            }
        }

        var preTokenizer = TokenizerJson.Child(tokenizer, "pre_tokenizer");
        switch (TokenizerJson.TypeOf(preTokenizer))
        {
            case null:
                break;
            case "Metaspace" when TokenizerJson.Text(preTokenizer, "replacement", "pre_tokenizer") == Mark && !TokenizerJson.Flag(preTokenizer, "split", absent: true):
                replaced = true;
                var scheme = TokenizerJson.PrependScheme(preTokenizer, "pre_tokenizer");
                prefix |= scheme != "never";
                if (scheme == "first")
                {
                    metadata.Notes.Add("llama.cpp puts a space before every piece of text that follows a special token; this tokenizer only at the start of a text");
                }

                break;
            default:
                metadata.Faults.Add($"pre_tokenizer {preTokenizer.GetRawText()} has no counterpart in llama.cpp's tokenizer with byte fallback");
                break;
        }

        if (!replaced)
        {
            metadata.Faults.Add($"the tokenizer does not write spaces as {Mark}, which llama.cpp's tokenizer with byte fallback always does");
        }

        return prefix;
    }
}
