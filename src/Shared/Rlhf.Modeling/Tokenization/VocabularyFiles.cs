using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Rlhf.Modeling.Tokenization.PreTokenizers;

namespace Rlhf.Modeling.Tokenization;

/// <summary>
/// The two files of a byte-level BPE tokenizer from before tokenizer.json: an object of token: id, and a list of merges. They are converted to a
/// tokenizer.json, as transformers does it for GPT2Tokenizer and Qwen2Tokenizer.
/// </summary>
internal static class VocabularyFiles
{
    /// <summary>openai/gpt-2's names, and those of transformers.</summary>
    public static IReadOnlyList<(string Vocabulary, string Merges)> Names { get; } = [("encoder.json", "vocab.bpe"), ("vocab.json", "merges.txt")];

    /// <exception cref="InvalidDataException">If a file is malformed; the message names it and the line or entry.</exception>
    public static byte[] Convert(string path, byte[] vocabulary, string mergesPath, byte[] merges, byte[]? config, byte[]? specialTokens, byte[]? addedTokens)
    {
        using var entries = TokenizerConfig.Document(vocabulary, path)!;
        using var configJson = TokenizerConfig.Document(config, TokenizerFiles.ConfigName);
        var settings = configJson?.RootElement ?? default;
        var named = TokenizerConfig.Parse(config, specialTokens).Named;
        var qwen = TokenizerJson.Child(settings, "tokenizer_class") is { ValueKind: JsonValueKind.String } name
            && name.GetString()!.StartsWith("Qwen2", StringComparison.Ordinal);
        var prefixSpace = TokenizerJson.Flag(settings, "add_prefix_space");
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("version", "1.0");
            WriteAddedTokens(json, AddedTokens(entries.RootElement, settings, named.Values, addedTokens));
            json.WritePropertyName("normalizer");
            json.WriteRawValue(qwen ? """{"type":"NFC"}""" : "null");
            json.WriteStartObject("pre_tokenizer");
            json.WriteString("type", "Sequence");
            json.WriteStartArray("pretokenizers");
            if (qwen)
            {
                json.WriteStartObject();
                json.WriteString("type", "Split");
                json.WriteStartObject("pattern");
                json.WriteString("Regex", SplitPatterns.Qwen2);
                json.WriteEndObject();
                json.WriteString("behavior", "Isolated");
                json.WriteBoolean("invert", false);
                json.WriteEndObject();
            }

            WriteByteLevel(json, prefixSpace, useRegex: !qwen);
            json.WriteEndArray();
            json.WriteEndObject();
            WritePostProcessor(json, settings, named, entries.RootElement);
            json.WritePropertyName("decoder");
            WriteByteLevel(json, prefixSpace, useRegex: !qwen);
            json.WriteStartObject("model");
            json.WriteString("type", "BPE");
            json.WritePropertyName("vocab");
            entries.RootElement.WriteTo(json);
            json.WriteStartArray("merges");
            WriteMerges(json, mergesPath, merges);
            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return stream.ToArray();
    }

    private static void WriteByteLevel(Utf8JsonWriter json, bool prefixSpace, bool useRegex)
    {
        json.WriteStartObject();
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", prefixSpace);
        json.WriteBoolean("trim_offsets", true);
        json.WriteBoolean("use_regex", useRegex);
        json.WriteEndObject();
    }

    private static void WriteMerges(Utf8JsonWriter json, string path, byte[] merges)
    {
        var number = 0;
        using var reader = new StringReader(Encoding.UTF8.GetString(merges));
        while (reader.ReadLine() is { } line)
        {
            number++;
            if (line.Length == 0 || (number == 1 && line.StartsWith("#version", StringComparison.Ordinal)))
            {
                continue;
            }

            var parts = line.Split(' ');
            if (parts.Length != 2 || parts.Any(part => part.Length == 0))
            {
                throw new InvalidDataException($"{path}, line {number}: must be two tokens with a space between");
            }

            json.WriteStartArray();
            json.WriteStringValue(parts[0]);
            json.WriteStringValue(parts[1]);
            json.WriteEndArray();
        }
    }

    private static void WritePostProcessor(Utf8JsonWriter json, JsonElement settings, IReadOnlyDictionary<string, string> named, JsonElement vocabulary)
    {
        // GPT2Tokenizer's own setting; without it nothing is added.
        if (!TokenizerJson.Flag(settings, "add_bos_token") || !named.TryGetValue("bos_token", out var bos)
            || !TokenizerJson.TryInteger(TokenizerJson.Child(vocabulary, bos), out var id))
        {
            json.WriteNull("post_processor");
            return;
        }

        json.WriteStartObject("post_processor");
        json.WriteString("type", "TemplateProcessing");
        foreach (var (name, texts) in (ReadOnlySpan<(string, string[])>)[("single", ["A"]), ("pair", ["A", "B"])])
        {
            json.WriteStartArray(name);
            foreach (var text in texts)
            {
                json.WriteRawValue($$$"""{"SpecialToken":{"id":{{{JsonSerializer.Serialize(bos)}}},"type_id":0}}""");
                json.WriteRawValue($$$"""{"Sequence":{"id":"{{{text}}}","type_id":0}}""");
            }

            json.WriteEndArray();
        }

        json.WriteStartObject("special_tokens");
        json.WriteStartObject(bos);
        json.WriteStartArray("ids");
        json.WriteNumberValue(id);
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteAddedTokens(Utf8JsonWriter json, SortedDictionary<int, (string Content, bool Special, JsonElement Flags)> tokens)
    {
        json.WriteStartArray("added_tokens");
        foreach (var (id, (content, special, flags)) in tokens)
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            json.WriteString("content", content);
            json.WriteBoolean("special", special);
            foreach (var flag in (string[])["single_word", "lstrip", "rstrip", "normalized"])
            {
                json.WriteBoolean(flag, TokenizerJson.Flag(flags, flag));
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>added_tokens_decoder of tokenizer_config.json, added_tokens.json, and the named special tokens in the vocabulary.</summary>
    private static SortedDictionary<int, (string Content, bool Special, JsonElement Flags)> AddedTokens(
        JsonElement vocabulary, JsonElement settings, IEnumerable<string> named, byte[]? addedTokens)
    {
        var tokens = new SortedDictionary<int, (string, bool, JsonElement)>();
        if (TokenizerJson.Child(settings, "added_tokens_decoder") is { ValueKind: JsonValueKind.Object } decoder)
        {
            foreach (var entry in decoder.EnumerateObject())
            {
                var at = $"{TokenizerFiles.ConfigName}: added_tokens_decoder[\"{entry.Name}\"]";
                if (!int.TryParse(entry.Name, out var id) || id < 0)
                {
                    throw new InvalidDataException($"{at}: the key must be an id");
                }

                tokens[id] = (TokenizerJson.Text(entry.Value, "content", at), TokenizerJson.Flag(entry.Value, "special"), entry.Value);
            }
        }

        using var added = TokenizerConfig.Document(addedTokens, "added_tokens.json");
        if (added is not null)
        {
            foreach (var entry in added.RootElement.EnumerateObject())
            {
                if (!TokenizerJson.TryInteger(entry.Value, out var id) || id < 0)
                {
                    throw new InvalidDataException($"added_tokens.json: \"{entry.Name}\" must have a non-negative integer");
                }

                tokens.TryAdd(id, (entry.Name, false, default));
            }
        }

        // GPT-2's own files name no special token: its end-of-text token is one all the same.
        foreach (var token in named.Append("<|endoftext|>"))
        {
            if (TokenizerJson.TryInteger(TokenizerJson.Child(vocabulary, token), out var id) && id >= 0)
            {
                tokens.TryAdd(id, (token, true, default));
            }
        }

        return tokens;
    }
}
