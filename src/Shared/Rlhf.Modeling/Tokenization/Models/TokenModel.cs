using System.Text.Json;

namespace Rlhf.Modeling.Tokenization.Models;

/// <summary>The <c>model</c> of tokenizer.json: turns one word into token ids.</summary>
internal abstract class TokenModel
{
    /// <summary>The tokens by text, without added tokens.</summary>
    public required IReadOnlyDictionary<string, int> Vocabulary { get; init; }

    /// <summary>Appends the ids of a word; where the sink wants ranges, each with the part of the word it stands for.</summary>
    public abstract void Encode(ReadOnlySpan<char> word, TokenSink sink);

    /// <param name="model">The component.</param>
    /// <param name="bytes">Whether words come as plain text that stands for its UTF-8 bytes (a ByteLevel pre-tokenizer without its alphabet).</param>
    public static TokenModel Parse(JsonElement model, bool bytes) => TypeOf(model) switch
    {
        "BPE" => BpeModel.Parse(model, bytes),
        "WordPiece" => WordPieceModel.Parse(model),
        "Unigram" => UnigramModel.Parse(model),
        "WordLevel" => WordLevelModel.Parse(model),
        var other => throw TokenizerJson.Unsupported("model.type", other, "BPE, WordPiece, Unigram, WordLevel"),
    };

    /// <summary>The type; files written before types existed are told by their fields.</summary>
    public static string TypeOf(JsonElement model) =>
        model.ValueKind == JsonValueKind.Object && !model.TryGetProperty("type", out _)
            ? model.TryGetProperty("merges", out _) ? "BPE" : model.TryGetProperty("continuing_subword_prefix", out _) ? "WordPiece" : "(no type)"
            : TokenizerJson.TypeOf(model) ?? "null";

    /// <summary>Reads <c>model.vocab</c>, an object of token: id.</summary>
    protected static Dictionary<string, int> ParseVocabulary(JsonElement model)
    {
        var element = TokenizerJson.Child(model, "vocab");
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException("model.vocab must be an object of token: id");
        }

        var vocabulary = new Dictionary<string, int>(element.GetPropertyCount(), StringComparer.Ordinal);
        foreach (var entry in element.EnumerateObject())
        {
            if (!TokenizerJson.TryInteger(entry.Value, out var id) || id < 0)
            {
                throw new InvalidDataException($"model.vocab[\"{entry.Name}\"] must be a non-negative integer");
            }

            if (!vocabulary.TryAdd(entry.Name, id))
            {
                throw new InvalidDataException($"model.vocab has \"{entry.Name}\" twice");
            }
        }

        return vocabulary;
    }

    /// <summary>The id of <c>unk_token</c>, or null without one.</summary>
    protected static int? UnknownId(JsonElement model, Dictionary<string, int> vocabulary, bool required)
    {
        var token = TokenizerJson.Child(model, "unk_token");
        return token.ValueKind == JsonValueKind.String
            ? vocabulary.TryGetValue(token.GetString()!, out var id) ? id : throw new InvalidDataException($"model.unk_token \"{token.GetString()}\" is not in model.vocab")
            : required ? throw new InvalidDataException("model.unk_token must be a string") : null;
    }
}
