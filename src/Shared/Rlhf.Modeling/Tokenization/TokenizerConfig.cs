using System.Text.Json;
using Rlhf.Modeling.Tokenization.PostProcessors;

namespace Rlhf.Modeling.Tokenization;

/// <summary>The named tokens of tokenizer_config.json, and of special_tokens_map.json where the former does not name them.</summary>
internal sealed class TokenizerConfig
{
    /// <summary>Classes of transformers that rebuild the post-processor from <c>add_bos_token</c> and <c>add_eos_token</c>.</summary>
    private static readonly string[] RebuildingClasses = ["Llama", "CodeLlama", "Gemma"];

    private readonly Dictionary<string, string> _named = [];
    private readonly bool? _addBos;
    private readonly bool? _addEos;
    private readonly string? _class;

    private TokenizerConfig(JsonElement config, JsonElement specialTokens)
    {
        foreach (var name in (string[])["bos_token", "eos_token", "pad_token", "unk_token"])
        {
            if ((TokenText(config, name, TokenizerFiles.ConfigName) ?? TokenText(specialTokens, name, TokenizerFiles.SpecialTokensName)) is { } token)
            {
                _named[name] = token;
            }
        }

        _addBos = Optional(config, "add_bos_token");
        _addEos = Optional(config, "add_eos_token");
        _class = TokenizerJson.Child(config, "tokenizer_class") is { ValueKind: JsonValueKind.String } name2 ? name2.GetString() : null;
    }

    /// <summary>The named tokens: bos_token and so on to their texts.</summary>
    public IReadOnlyDictionary<string, string> Named => _named;

    /// <exception cref="InvalidDataException">If a file is no JSON object or a name is malformed; the message names the file.</exception>
    public static TokenizerConfig Parse(byte[]? config, byte[]? specialTokens)
    {
        using var configJson = Document(config, TokenizerFiles.ConfigName);
        using var specialJson = Document(specialTokens, TokenizerFiles.SpecialTokensName);
        return new TokenizerConfig(configJson?.RootElement ?? default, specialJson?.RootElement ?? default);
    }

    /// <summary>The post-processor, as the tokenizer's class changes it.</summary>
    public PostProcessor Adjust(PostProcessor processor, Func<string, int?> idOf)
    {
        if (_class is null || !RebuildingClasses.Any(name => _class.StartsWith(name, StringComparison.Ordinal)) || (_addBos is null && _addEos is null))
        {
            return processor;
        }

        // The defaults of these classes: a begin-of-text token, no end-of-text token.
        return PostProcessor.Around(_addBos ?? true ? idOf("bos_token") : null, _addEos ?? false ? idOf("eos_token") : null);
    }

    internal static JsonDocument? Document(byte[]? content, string name)
    {
        if (content is null)
        {
            return null;
        }

        try
        {
            var document = JsonDocument.Parse(content);
            return document.RootElement.ValueKind == JsonValueKind.Object ? document : throw new InvalidDataException($"{name} must be a JSON object");
        }
        catch (JsonException fault)
        {
            throw new InvalidDataException($"{name}: {fault.Message}", fault);
        }
    }

    private static bool? Optional(JsonElement config, string name) =>
        TokenizerJson.Child(config, name).ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => null,
        };

    private static string? TokenText(JsonElement element, string name, string file)
    {
        var value = TokenizerJson.Child(element, name);
        return value.ValueKind switch
        {
            JsonValueKind.String => value.GetString(),
            JsonValueKind.Object => TokenizerJson.Text(value, "content", $"{file}: {name}"),
            _ => null,
        };
    }
}
