using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text.Json;
using Rlhf.Modeling.Checkpoints;

namespace Rlhf.Modeling.Tokenization;

/// <summary>
/// A BPE tokenizer in the Hugging Face format (tokenizer.json): byte-level with GPT-2's split, or SentencePiece-style with byte
/// fallback. Safe for use from several threads.
/// </summary>
public sealed class Tokenizer
{
    private const string TokenizerFile = "tokenizer.json";
    private const string ConfigFile = "tokenizer_config.json";

    private readonly byte[] _tokenizerJson;
    private readonly byte[]? _configJson;
    private readonly TextNormalizer _normalizer;
    private readonly AddedTokenFinder _rawTokens;
    private readonly AddedTokenFinder _normalizedTokens;
    private readonly BpeModel _model;
    private readonly bool _byteLevel;
    private readonly bool _split;
    private readonly bool _addPrefixSpace;
    private readonly int[] _prefix;
    private readonly int[] _suffix;
    private readonly string?[] _tokens;
    private readonly TokenPiece[] _pieces;
    private readonly HashSet<int> _special = [];
    private readonly Dictionary<string, int> _ids;

    private Tokenizer(byte[] tokenizerJson, byte[]? configJson)
    {
        _tokenizerJson = tokenizerJson;
        _configJson = configJson;
        using var document = JsonDocument.Parse(tokenizerJson);
        var root = document.RootElement;
        _normalizer = TextNormalizer.Parse(TokenizerJson.Child(root, "normalizer"));
        TokenDecoder = TokenDecoder.Parse(TokenizerJson.Child(root, "decoder"));
        (_byteLevel, _split, _addPrefixSpace) = ParsePreTokenizer(TokenizerJson.Child(root, "pre_tokenizer"), "pre_tokenizer");
        var vocabulary = ParseVocabulary(TokenizerJson.Child(TokenizerJson.Child(root, "model"), "vocab"));
        _model = ParseModel(TokenizerJson.Child(root, "model"), vocabulary, _byteLevel);

        var added = TokenizerJson.Child(root, "added_tokens") is { ValueKind: JsonValueKind.Array } list
            ? list.EnumerateArray().Select(AddedToken.Parse).ToArray()
            : [];
        _rawTokens = new AddedTokenFinder(added.Where(token => !token.Normalized).Select(token => (token.Content, token)));
        _normalizedTokens = new AddedTokenFinder(
            added.Where(token => token.Normalized).Select(token => (_normalizer.Apply(token.Content), token)));
        _ids = new Dictionary<string, int>(vocabulary);
        foreach (var token in added)
        {
            if (vocabulary.TryGetValue(token.Content, out var id) && id != token.Id)
            {
                throw new InvalidDataException($"added token \"{token.Content}\" has id {token.Id}, but id {id} in model.vocab");
            }

            _ids[token.Content] = token.Id;
            if (token.Special)
            {
                _special.Add(token.Id);
            }
        }

        _tokens = new string?[_ids.Count == 0 ? 0 : _ids.Values.Max() + 1];
        _pieces = new TokenPiece[_tokens.Length];
        foreach (var (token, id) in _ids)
        {
            if (_tokens[id] is { } other)
            {
                throw new InvalidDataException($"id {id} belongs to both \"{other}\" and \"{token}\"");
            }

            _tokens[id] = token;
            _pieces[id] = TokenDecoder.PieceOf(token);
        }

        (_prefix, _suffix) = ParsePostProcessor(TokenizerJson.Child(root, "post_processor"), "post_processor");
        if (configJson is not null)
        {
            using var config = JsonDocument.Parse(configJson);
            BosTokenId = NamedToken(config.RootElement, "bos_token");
            EosTokenId = NamedToken(config.RootElement, "eos_token");
            PadTokenId = NamedToken(config.RootElement, "pad_token");
        }

        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sha.AppendData(SHA256.HashData(tokenizerJson));
        sha.AppendData(SHA256.HashData(configJson ?? []));
        Fingerprint = Convert.ToHexStringLower(sha.GetHashAndReset());
    }

    /// <summary>The number of ids: one more than the largest, added tokens included.</summary>
    public int VocabSize => _tokens.Length;

    /// <summary>The id that begins a text (<c>bos_token</c> of tokenizer_config.json), if there is one.</summary>
    public int? BosTokenId { get; }

    /// <summary>The id that ends a text (<c>eos_token</c>), if there is one.</summary>
    public int? EosTokenId { get; }

    /// <summary>The id that fills up batches (<c>pad_token</c>), if there is one.</summary>
    public int? PadTokenId { get; }

    /// <summary>SHA-256 (lower-case hex) over both files: equal fingerprints encode equally.</summary>
    public string Fingerprint { get; }

    internal TokenDecoder TokenDecoder { get; }

    /// <summary>Reads tokenizer.json and, if present, tokenizer_config.json.</summary>
    /// <param name="directory">A Hugging Face model directory.</param>
    /// <exception cref="FileNotFoundException">If there is no tokenizer.json.</exception>
    /// <exception cref="InvalidDataException">If a part is malformed or not supported; the message names the file and the field.</exception>
    public static Tokenizer Load(string directory)
    {
        var path = Path.Combine(directory, TokenizerFile);
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"{directory} has no {TokenizerFile}", path);
        }

        var configPath = Path.Combine(directory, ConfigFile);
        return Parse(File.ReadAllBytes(path), File.Exists(configPath) ? File.ReadAllBytes(configPath) : null, path);
    }

    /// <summary>The ids of a text.</summary>
    /// <param name="text">Any text; added tokens written out in it become their ids.</param>
    /// <param name="addSpecialTokens">Whether the post-processor's tokens (such as a begin-of-text token) are put around it.</param>
    public int[] Encode(string text, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = new List<int>(text.Length / 3 + 4);
        if (addSpecialTokens)
        {
            ids.AddRange(_prefix);
        }

        foreach (var (range, token) in _rawTokens.Split(text))
        {
            if (token is not null)
            {
                ids.Add(token.Id);
                continue;
            }

            var normalized = _normalizer.Apply(text[range]);
            foreach (var (part, normalizedToken) in _normalizedTokens.Split(normalized))
            {
                if (normalizedToken is not null)
                {
                    ids.Add(normalizedToken.Id);
                }
                else
                {
                    EncodeWords(normalized.AsSpan(part), ids);
                }
            }
        }

        if (addSpecialTokens)
        {
            ids.AddRange(_suffix);
        }

        return [.. ids];
    }

    /// <summary>The text of some ids; bytes that are no valid UTF-8 become U+FFFD.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    /// <exception cref="ArgumentOutOfRangeException">If the vocabulary lacks an id.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true)
    {
        var pieces = new List<TokenPiece>(ids.Length);
        foreach (var id in ids)
        {
            if (PieceOf(id, skipSpecialTokens) is { } piece)
            {
                pieces.Add(piece);
            }
        }

        return TokenDecoder.Decode(pieces);
    }

    /// <summary>A decoder for one text that arrives token by token.</summary>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public StreamingDecoder CreateStreamingDecoder(bool skipSpecialTokens = true) => new(this, skipSpecialTokens);

    /// <summary>The id of a token as it is written in the vocabulary.</summary>
    /// <param name="token">A vocabulary entry or an added token.</param>
    /// <param name="id">Its id.</param>
    /// <returns>Whether the vocabulary has it.</returns>
    public bool TryGetId(string token, [MaybeNullWhen(false)] out int id) => _ids.TryGetValue(token, out id);

    /// <summary>Writes tokenizer.json and tokenizer_config.json, byte for byte as they were loaded.</summary>
    /// <param name="directory">An existing or new directory.</param>
    public void Save(string directory)
    {
        Directory.CreateDirectory(directory);
        AtomicFile.Write(Path.Combine(directory, TokenizerFile), _tokenizerJson);
        if (_configJson is not null)
        {
            AtomicFile.Write(Path.Combine(directory, ConfigFile), _configJson);
        }
    }

    internal static Tokenizer Parse(byte[] tokenizerJson, byte[]? configJson, string source)
    {
        try
        {
            return new Tokenizer(tokenizerJson, configJson);
        }
        catch (Exception fault) when (fault is InvalidDataException or JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"{source}: {fault.Message}", fault);
        }
    }

    /// <summary>What an id stands for; null if it is a special token to be skipped.</summary>
    internal TokenPiece? PieceOf(int id, bool skipSpecialTokens)
    {
        if ((uint)id >= (uint)_tokens.Length || _tokens[id] is null)
        {
            throw new ArgumentOutOfRangeException(nameof(id), id, $"no token has this id; the vocabulary has {_tokens.Length} ids");
        }

        return skipSpecialTokens && _special.Contains(id) ? null : _pieces[id];
    }

    private void EncodeWords(ReadOnlySpan<char> text, List<int> ids)
    {
        if (_addPrefixSpace && text is not [' ', ..])
        {
            text = string.Concat(" ", text);
        }

        if (!_split)
        {
            _model.Encode(text, ids);
            return;
        }

        for (var start = 0; start < text.Length;)
        {
            var end = Gpt2Splitter.WordEnd(text, start);
            _model.Encode(text[start..end], ids);
            start = end;
        }
    }

    private static (bool ByteLevel, bool Split, bool AddPrefixSpace) ParsePreTokenizer(JsonElement element, string at)
    {
        switch (TokenizerJson.TypeOf(element))
        {
            case null:
                return (false, false, false);
            case "ByteLevel":
                return (true, TokenizerJson.Flag(element, "use_regex", absent: true), TokenizerJson.Flag(element, "add_prefix_space"));
            case var other:
                throw TokenizerJson.Unsupported(at, other, "null, ByteLevel");
        }
    }

    private static Dictionary<string, int> ParseVocabulary(JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException("model.vocab must be an object of token: id");
        }

        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
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

    private static BpeModel ParseModel(JsonElement model, Dictionary<string, int> vocabulary, bool byteLevel)
    {
        if (TokenizerJson.TypeOf(model) is not "BPE" and var type)
        {
            throw TokenizerJson.Unsupported("model.type", type ?? "null", "BPE");
        }

        foreach (var name in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (TokenizerJson.Child(model, name) is { ValueKind: JsonValueKind.String } affix && affix.GetString() is { Length: > 0 } value)
            {
                throw TokenizerJson.Unsupported($"model.{name}", value, "null, \"\"");
            }
        }

        if (TokenizerJson.Child(model, "dropout") is { ValueKind: JsonValueKind.Number } dropout && dropout.GetDouble() != 0)
        {
            throw TokenizerJson.Unsupported("model.dropout", dropout.GetRawText(), "null, 0");
        }

        var merges = new List<(string, string)>();
        TokenizerJson.ForEach(model, "merges", "model", (merge, at) =>
        {
            // Two spellings: "a b" in older files, ["a", "b"] in newer ones (which allow spaces inside).
            string[] parts = merge.ValueKind switch
            {
                JsonValueKind.String => merge.GetString()!.Split(' '),
                JsonValueKind.Array => [.. merge.EnumerateArray().Select(part => part.GetString() ?? "")],
                _ => [],
            };
            if (parts.Length != 2)
            {
                throw new InvalidDataException($"{at} must be \"left right\" or [\"left\", \"right\"]");
            }

            merges.Add((parts[0], parts[1]));
        });

        var unknown = TokenizerJson.Child(model, "unk_token") is { ValueKind: JsonValueKind.String } token ? token.GetString() : null;
        return new BpeModel(
            vocabulary,
            merges,
            byteLevel,
            TokenizerJson.Flag(model, "byte_fallback"),
            unknown,
            TokenizerJson.Flag(model, "fuse_unk"),
            TokenizerJson.Flag(model, "ignore_merges"));
    }

    private static (int[] Prefix, int[] Suffix) ParsePostProcessor(JsonElement element, string at)
    {
        switch (TokenizerJson.TypeOf(element))
        {
            case null or "ByteLevel":
                return ([], []);
            case "TemplateProcessing":
                return ParseTemplate(element, at);
            case "Sequence":
                (int[] Prefix, int[] Suffix) around = ([], []);
                TokenizerJson.ForEach(element, "processors", at, (processor, place) =>
                {
                    var (prefix, suffix) = ParsePostProcessor(processor, place);
                    around = ([.. prefix, .. around.Prefix], [.. around.Suffix, .. suffix]);
                });
                return around;
            case var other:
                throw TokenizerJson.Unsupported(at, other, "null, ByteLevel, TemplateProcessing, Sequence");
        }
    }

    private static (int[] Prefix, int[] Suffix) ParseTemplate(JsonElement element, string at)
    {
        List<int> prefix = [], suffix = [];
        var seenText = false;
        var special = TokenizerJson.Child(element, "special_tokens");
        TokenizerJson.ForEach(element, "single", at, (item, place) =>
        {
            if (TokenizerJson.Child(item, "SpecialToken") is { ValueKind: JsonValueKind.Object } token)
            {
                var name = TokenizerJson.Text(token, "id", place);
                TokenizerJson.ForEach(TokenizerJson.Child(special, name), "ids", $"{at}.special_tokens[\"{name}\"]", (id, _) =>
                    (seenText ? suffix : prefix).Add(id.GetInt32()));
            }
            else
            {
                seenText = true;
            }
        });
        return ([.. prefix], [.. suffix]);
    }

    private int? NamedToken(JsonElement config, string name)
    {
        var value = TokenizerJson.Child(config, name);
        var text = value.ValueKind switch
        {
            JsonValueKind.String => value.GetString(),
            JsonValueKind.Object => TokenizerJson.Text(value, "content", $"{ConfigFile}: {name}"),
            _ => null,
        };
        return text is null ? null
            : _ids.TryGetValue(text, out var id) ? id
            : throw new InvalidDataException($"{ConfigFile}: {name} \"{text}\" is not in the vocabulary");
    }
}
