using System.Text.Encodings.Web;
using System.Text.Json;
using Rlhf.Modeling.Tokenization.PreTokenizers;

namespace Rlhf.Modeling.Tokenization.Training;

/// <summary>Writes a trained tokenizer as tokenizer.json and tokenizer_config.json, the same bytes for the same tokens.</summary>
internal static class TrainedTokenizerFiles
{
    private static readonly string[] BosNames = ["<s>", "<bos>", "<|bos|>", "<|begin_of_text|>", "<|startoftext|>"];
    private static readonly string[] EosNames = ["</s>", "<eos>", "<|eos|>", "<|end_of_text|>", "<|endoftext|>"];
    private static readonly string[] PadNames = ["<pad>", "<|pad|>", "[PAD]"];

    public static TokenizerFiles Create(
        IReadOnlyList<string> tokens, IReadOnlyList<(int Left, int Right)> merges, IReadOnlyList<string> specialTokens, string pattern) =>
        new("trained tokenizer", TokenizerJson(tokens, merges, specialTokens, pattern), ConfigJson(specialTokens));

    private static byte[] TokenizerJson(
        IReadOnlyList<string> tokens, IReadOnlyList<(int Left, int Right)> merges, IReadOnlyList<string> specialTokens, string pattern) => Json(json =>
    {
        json.WriteString("version", "1.0");
        json.WriteNull("truncation");
        json.WriteNull("padding");
        json.WriteStartArray("added_tokens");
        for (var id = 0; id < specialTokens.Count; id++)
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            json.WriteString("content", specialTokens[id]);
            json.WriteBoolean("single_word", false);
            json.WriteBoolean("lstrip", false);
            json.WriteBoolean("rstrip", false);
            json.WriteBoolean("normalized", false);
            json.WriteBoolean("special", true);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNull("normalizer");
        json.WritePropertyName("pre_tokenizer");
        if (pattern == SplitPatterns.Gpt2)
        {
            WriteByteLevel(json, useRegex: true);
        }
        else
        {
            json.WriteStartObject();
            json.WriteString("type", "Sequence");
            json.WriteStartArray("pretokenizers");
            json.WriteStartObject();
            json.WriteString("type", "Split");
            json.WriteStartObject("pattern");
            json.WriteString("Regex", pattern);
            json.WriteEndObject();
            json.WriteString("behavior", "Isolated");
            json.WriteBoolean("invert", false);
            json.WriteEndObject();
            WriteByteLevel(json, useRegex: false);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        foreach (var name in (string[])["post_processor", "decoder"])
        {
            json.WritePropertyName(name);
            WriteByteLevel(json, useRegex: true);
        }

        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteNull("unk_token");
        json.WriteNull("continuing_subword_prefix");
        json.WriteNull("end_of_word_suffix");
        json.WriteBoolean("fuse_unk", false);
        json.WriteBoolean("byte_fallback", false);
        json.WriteBoolean("ignore_merges", false);
        json.WriteStartObject("vocab");
        for (var id = 0; id < tokens.Count; id++)
        {
            json.WriteNumber(tokens[id], id);
        }

        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach (var (left, right) in merges)
        {
            json.WriteStringValue($"{tokens[left]} {tokens[right]}");
        }

        json.WriteEndArray();
        json.WriteEndObject();
    });

    private static void WriteByteLevel(Utf8JsonWriter json, bool useRegex)
    {
        json.WriteStartObject();
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", false);
        json.WriteBoolean("trim_offsets", false);
        json.WriteBoolean("use_regex", useRegex);
        json.WriteEndObject();
    }

    private static byte[] ConfigJson(IReadOnlyList<string> specialTokens) => Json(json =>
    {
        json.WriteString("tokenizer_class", "PreTrainedTokenizerFast");
        json.WriteBoolean("clean_up_tokenization_spaces", false);
        foreach (var (field, names) in (ReadOnlySpan<(string, string[])>)
            [("bos_token", BosNames), ("eos_token", EosNames), ("pad_token", PadNames)])
        {
            if (specialTokens.FirstOrDefault(names.Contains) is { } token)
            {
                json.WriteString(field, token);
            }
        }
    });

    private static byte[] Json(Action<Utf8JsonWriter> writeMembers)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(
            stream, new JsonWriterOptions { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            writeMembers(json);
            json.WriteEndObject();
        }

        return stream.ToArray();
    }
}
