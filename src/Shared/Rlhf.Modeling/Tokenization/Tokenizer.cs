using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Rlhf.Modeling.Tokenization.Decoders;
using Rlhf.Modeling.Tokenization.Models;
using Rlhf.Modeling.Tokenization.Normalizers;
using Rlhf.Modeling.Tokenization.PostProcessors;
using Rlhf.Modeling.Tokenization.PreTokenizers;

namespace Rlhf.Modeling.Tokenization;

/// <summary>
/// A tokenizer in the Hugging Face format (tokenizer.json): normalizer, pre-tokenizer, model (BPE, WordPiece, Unigram, WordLevel),
/// post-processor, decoder. Also reads GPT-2's encoder.json with vocab.bpe (or vocab.json with merges.txt). The sections
/// <c>truncation</c> and <c>padding</c> are ignored: they are settings of a training run, and batches here are cut and padded by their
/// makers. Safe for use from several threads.
/// </summary>
public sealed class Tokenizer
{
    // A larger number than this beside so few tokens is a broken file, and would cost memory by the gigabyte.
    private const int MaxSpareIds = 1_000_000;

    private readonly TokenizerFiles _files;
    private readonly Normalizer _normalizer;
    private readonly AddedTokenFinder _rawTokens;
    private readonly AddedTokenFinder _normalizedTokens;
    private readonly PreTokenizer _preTokenizer;
    private readonly TokenModel _model;
    private readonly string?[] _tokens;
    private readonly byte[] _tokenBytes = [];
    private readonly int[] _tokenBytesAt = [];
    private readonly HashSet<int> _special = [];
    private readonly Dictionary<string, int> _ids;

    private Tokenizer(TokenizerFiles files, JsonElement root)
    {
        _files = files;
        var config = TokenizerConfig.Parse(files.Config, files.SpecialTokensMap);
        NamedTokens = config.Named;
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException("must be a JSON object");
        }

        _normalizer = Normalizer.Parse(TokenizerJson.Child(root, "normalizer"));
        TokenDecoder = TokenDecoder.Parse(TokenizerJson.Child(root, "decoder"));
        var model = TokenizerJson.Child(root, "model");
        _preTokenizer = PreTokenizer.Parse(TokenizerJson.Child(root, "pre_tokenizer"), BpeModel.TakesBytes(model));
        _model = TokenModel.Parse(model, _preTokenizer.BytesAtEnd);
        var added = TokenizerJson.Child(root, "added_tokens") is { ValueKind: JsonValueKind.Array } list
            ? list.EnumerateArray().Select(AddedToken.Parse).ToArray()
            : [];
        _rawTokens = new AddedTokenFinder(added.Where(token => !token.Normalized).Select(token => (token.Content, token)));
        _normalizedTokens = new AddedTokenFinder(
            added.Where(token => token.Normalized).Select(token => (_normalizer.Apply(token.Content), token)));
        _ids = CollectIds(_model.Vocabulary, added);
        AddedTokens = added;
        _special = [.. added.Where(token => token.Special).Select(token => token.Id)];
        _tokens = InvertIds(_ids);
        foreach (var token in added.Where(token => token.Normalized))
        {
            // As the reference library since 0.23: what was matched in normalized text decodes from its normalized form.
            _tokens[token.Id] = _normalizer.Apply(token.Content);
        }

        if (TokenDecoder.IsByteLevel)
        {
            (_tokenBytes, _tokenBytesAt) = BytesOfTokens(_tokens);
        }

        PostProcessor = config.Adjust(PostProcessor.Parse(TokenizerJson.Child(root, "post_processor")), name => NamedToken(name));
        RequireKnownIds(PostProcessor);
        BosTokenId = NamedToken("bos_token");
        EosTokenId = NamedToken("eos_token");
        PadTokenId = NamedToken("pad_token");
        UnkTokenId = NamedToken("unk_token");
        Fingerprint = ComputeFingerprint(files);
    }

    /// <summary>The number of ids: one more than the largest, added tokens included.</summary>
    public int VocabSize => _tokens.Length;

    /// <summary>The id that begins a text (<c>bos_token</c> of tokenizer_config.json), if there is one.</summary>
    public int? BosTokenId { get; }

    /// <summary>The id that ends a text (<c>eos_token</c>), if there is one.</summary>
    public int? EosTokenId { get; }

    /// <summary>The id that fills up batches (<c>pad_token</c>), if there is one.</summary>
    public int? PadTokenId { get; }

    /// <summary>The id for what the vocabulary cannot express (<c>unk_token</c>), if there is one.</summary>
    public int? UnkTokenId { get; }

    /// <summary>SHA-256 (lower-case hex) over the files: equal fingerprints encode equally.</summary>
    public string Fingerprint { get; }

    /// <summary>bos_token, eos_token, pad_token, unk_token where they are named, with their texts: the variables a chat template gets.</summary>
    public IReadOnlyDictionary<string, string> NamedTokens { get; }

    internal TokenDecoder TokenDecoder { get; }

    /// <summary>What goes around texts.</summary>
    internal PostProcessor PostProcessor { get; }

    /// <summary>In the order of the file.</summary>
    internal IReadOnlyList<AddedToken> AddedTokens { get; }

    /// <summary>What the tokenizer was made from.</summary>
    internal TokenizerFiles Files => _files;

    /// <summary>Reads a model directory: tokenizer.json, or GPT-2's two files, with tokenizer_config.json and special_tokens_map.json if present.</summary>
    /// <param name="directory">A Hugging Face model directory.</param>
    /// <exception cref="FileNotFoundException">If there is no tokenizer.</exception>
    /// <exception cref="InvalidDataException">If a part is malformed or not supported; the message names the file and the field.</exception>
    public static Tokenizer Load(string directory) => Parse(TokenizerFiles.Read(directory));

    /// <summary>The ids of a text.</summary>
    /// <param name="text">Any text; added tokens written out in it become their ids. Half a character counts as U+FFFD.</param>
    /// <param name="addSpecialTokens">Whether the post-processor's tokens (such as a begin-of-text token) are put around it.</param>
    /// <exception cref="InvalidDataException">If the vocabulary cannot express the text and has no unknown token, or a split pattern takes too long on it.</exception>
    public int[] Encode(string text, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        var sink = new TokenSink((text.Length / 3) + 4, ranges: false);
        if (!addSpecialTokens)
        {
            EncodeText(text, sink);
            return [.. sink.Ids];
        }

        foreach (var piece in PostProcessor.Single)
        {
            sink.Ids.AddRange(piece.Ids);
            if (piece.Text == 0)
            {
                EncodeText(text, sink);
            }
        }

        return [.. sink.Ids];
    }

    /// <summary>The ids of two texts that belong together (as a question and its context), with the type of each id (0 or 1 in most templates).</summary>
    /// <param name="first">The first text.</param>
    /// <param name="second">The second text.</param>
    /// <param name="addSpecialTokens">Whether the post-processor's tokens for a pair are put around and between them.</param>
    /// <exception cref="InvalidDataException">As for <see cref="Encode"/>.</exception>
    public (int[] Ids, int[] TypeIds) EncodePair(string first, string second, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        var sink = new TokenSink(((first.Length + second.Length) / 3) + 4, ranges: false);
        var types = new List<int>(sink.Ids.Capacity);
        foreach (var piece in addSpecialTokens ? PostProcessor.Pair : PostProcessor.None.Pair)
        {
            sink.Ids.AddRange(piece.Ids);
            if (piece.Text >= 0)
            {
                EncodeText(piece.Text == 0 ? first : second, sink);
            }

            types.AddRange(Enumerable.Repeat(piece.TypeId, sink.Ids.Count - types.Count));
        }

        return ([.. sink.Ids], [.. types]);
    }

    /// <summary>The ids of many texts, encoded on all cores.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="addSpecialTokens">As for <see cref="Encode"/>.</param>
    /// <param name="maxDegreeOfParallelism">The most threads; -1 for as many as there are cores.</param>
    /// <exception cref="AggregateException">Around what <see cref="Encode"/> throws.</exception>
    public int[][] EncodeBatch(IReadOnlyList<string> texts, bool addSpecialTokens = true, int maxDegreeOfParallelism = -1)
    {
        ArgumentNullException.ThrowIfNull(texts);
        var ids = new int[texts.Count][];
        Parallel.For(0, texts.Count, new ParallelOptions { MaxDegreeOfParallelism = maxDegreeOfParallelism }, i => ids[i] = Encode(texts[i], addSpecialTokens));
        return ids;
    }

    /// <summary>The text of some ids; bytes that are no valid UTF-8 become U+FFFD.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    /// <exception cref="ArgumentOutOfRangeException">If the vocabulary lacks an id.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true)
    {
        if (TokenDecoder.IsByteLevel)
        {
            var bytes = new ArrayBufferWriter<byte>((ids.Length * 5) + 16);
            foreach (var id in ids)
            {
                if (TextOf(id, skipSpecialTokens) is not null)
                {
                    bytes.Write(BytesOf(id));
                }
            }

            return Encoding.UTF8.GetString(bytes.WrittenSpan);
        }

        var text = new StringBuilder();
        var decoding = TokenDecoder.Start(text);
        foreach (var id in ids)
        {
            if (TextOf(id, skipSpecialTokens) is { } token)
            {
                decoding.Push(token);
            }
        }

        decoding.End();
        return text.ToString();
    }

    /// <summary>A decoder for one text that arrives token by token.</summary>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public StreamingDecoder CreateStreamingDecoder(bool skipSpecialTokens = true) => new(this, skipSpecialTokens);

    /// <summary>The id of a token as it is written in the vocabulary.</summary>
    /// <param name="token">A vocabulary entry or an added token.</param>
    /// <param name="id">Its id.</param>
    /// <returns>Whether the vocabulary has it.</returns>
    public bool TryGetId(string token, [MaybeNullWhen(false)] out int id) => _ids.TryGetValue(token, out id);

    /// <summary>
    /// Writes tokenizer.json, tokenizer_config.json, special_tokens_map.json and chat_template.jinja, byte for byte as they were loaded
    /// (tokenizer.json as converted, if it was loaded from GPT-2's files).
    /// </summary>
    /// <param name="directory">An existing or new directory.</param>
    public void Save(string directory) => _files.Write(directory);

    internal static Tokenizer Parse(TokenizerFiles files)
    {
        try
        {
            using var document = JsonDocument.Parse(files.Tokenizer);
            return new Tokenizer(files, document.RootElement);
        }
        catch (Exception fault) when (fault is InvalidDataException or JsonException or InvalidOperationException or FormatException)
        {
            // InvalidOperationException: a string with half a surrogate pair. FormatException: a number beyond double.
            throw new InvalidDataException($"{files.Source}: {fault.Message}", fault);
        }
    }

    /// <summary>The ids of a text without special tokens around it, each with the range of UTF-16 units it stands for.</summary>
    internal (int[] Ids, (int Start, int End)[] Ranges) EncodeWithRanges(string text)
    {
        var sink = new TokenSink((text.Length / 3) + 4, ranges: true);
        EncodeText(text, sink);
        return ([.. sink.Ids], [.. sink.Ranges!]);
    }

    /// <summary>How a token is written in the vocabulary; null if it is a special token to be skipped.</summary>
    internal string? TextOf(int id, bool skipSpecialTokens)
    {
        if ((uint)id >= (uint)_tokens.Length || _tokens[id] is not { } token)
        {
            throw new ArgumentOutOfRangeException(nameof(id), id, $"no token has this id; the vocabulary has {_tokens.Length} ids");
        }

        return skipSpecialTokens && _special.Contains(id) ? null : token;
    }

    /// <summary>How a token is written in the vocabulary; null if no token has the id.</summary>
    internal string? TokenAt(int id) => (uint)id < (uint)_tokens.Length ? _tokens[id] : null;

    /// <summary>The bytes a token stands for; only with a ByteLevel decoder.</summary>
    internal ReadOnlySpan<byte> BytesOf(int id) => _tokenBytes.AsSpan(_tokenBytesAt[id].._tokenBytesAt[id + 1]);

    private void EncodeText(string text, TokenSink sink)
    {
        text = WellFormed(text);
        foreach (var (start, end, token) in _rawTokens.Split(text, 0, text.Length))
        {
            if (token is not null)
            {
                sink.AddOriginal(token.Id, start, end);
            }
            else if (_normalizer.IsIdentity && _preTokenizer.Scanner is { } scanner && _preTokenizer.BytesAtEnd && sink.Ranges is null)
            {
                EncodeScanned(text, start, end, scanner, sink);
            }
            else
            {
                EncodePart(new AlignedText(text, 0, sink.Ranges is not null).Slice(start..end), sink);
            }
        }
    }

    private void EncodePart(AlignedText part, TokenSink sink)
    {
        var normalized = _normalizer.Apply(part);
        if (_preTokenizer.Scanner is { } scanner && _preTokenizer.BytesAtEnd && sink.Ranges is null)
        {
            EncodeScanned(normalized.Text, 0, normalized.Text.Length, scanner, sink);
            return;
        }

        foreach (var (start, end, token) in _normalizedTokens.Split(normalized.Text, 0, normalized.Text.Length))
        {
            if (token is not null)
            {
                var (first, last) = normalized.OriginalRange(start, end);
                sink.AddOriginal(token.Id, first, last);
                continue;
            }

            var words = _preTokenizer.Apply(normalized.Slice(start..end));
            foreach (var word in words.Pieces)
            {
                sink.Begin(words.Text, word.Start);
                _model.Encode(words.Text.Text.AsSpan(word.Start, word.End - word.Start), sink);
            }
        }
    }

    /// <summary>The way of nearly all text: no lists of pieces, no copies.</summary>
    private void EncodeScanned(string text, int from, int to, WordEnd scanner, TokenSink sink)
    {
        foreach (var (start, end, token) in _normalizedTokens.Split(text, from, to))
        {
            if (token is not null)
            {
                sink.Ids.Add(token.Id);
                continue;
            }

            var part = text.AsSpan(start, end - start);
            for (var word = 0; word < part.Length;)
            {
                var wordEnd = scanner(part, word);
                _model.Encode(part[word..wordEnd], sink);
                word = wordEnd;
            }
        }
    }

    /// <summary>The text with U+FFFD for every half of a surrogate pair: those have no UTF-8 form.</summary>
    private static string WellFormed(string text)
    {
        for (var i = text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF'); i >= 0 && i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                i++;
            }
            else if (char.IsSurrogate(text[i]))
            {
                return string.Concat(text.EnumerateRunes());
            }
        }

        return text;
    }

    private static Dictionary<string, int> CollectIds(IReadOnlyDictionary<string, int> vocabulary, AddedToken[] added)
    {
        var ids = new Dictionary<string, int>(vocabulary, StringComparer.Ordinal);
        foreach (var token in added)
        {
            if (!ids.TryAdd(token.Content, token.Id) && ids[token.Content] != token.Id)
            {
                throw new InvalidDataException($"added token \"{token.Content}\" has id {token.Id}, but also id {ids[token.Content]}");
            }
        }

        return ids;
    }

    private static string?[] InvertIds(Dictionary<string, int> ids)
    {
        var size = ids.Count == 0 ? 0 : ids.Values.Max() + 1L;
        if (size > (2L * ids.Count) + MaxSpareIds)
        {
            throw new InvalidDataException($"the largest id is {size - 1} with only {ids.Count} tokens");
        }

        var tokens = new string?[size];
        foreach (var (token, id) in ids)
        {
            tokens[id] = tokens[id] is { } other ? throw new InvalidDataException($"id {id} belongs to both \"{other}\" and \"{token}\"") : token;
        }

        return tokens;
    }

    private static (byte[] Bytes, int[] At) BytesOfTokens(string?[] tokens)
    {
        var bytes = new ArrayBufferWriter<byte>(tokens.Length * 8 + 1);
        var at = new int[tokens.Length + 1];
        for (var id = 0; id < tokens.Length; id++)
        {
            bytes.Write(ByteLevelAlphabet.BytesOf(tokens[id] ?? ""));
            at[id + 1] = bytes.WrittenCount;
        }

        return (bytes.WrittenSpan.ToArray(), at);
    }

    private static string ComputeFingerprint(TokenizerFiles files)
    {
        // Hashed one by one, so that moving bytes from one file to the other gives another value.
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sha.AppendData(SHA256.HashData(files.Tokenizer));
        sha.AppendData(SHA256.HashData(files.Config ?? []));
        if (files.SpecialTokensMap is { } map)
        {
            sha.AppendData(SHA256.HashData(map));
        }

        return Convert.ToHexStringLower(sha.GetHashAndReset());
    }

    private void RequireKnownIds(PostProcessor processor)
    {
        foreach (var id in processor.Single.Concat(processor.Pair).SelectMany(piece => piece.Ids))
        {
            if (id >= _tokens.Length || _tokens[id] is null)
            {
                throw new InvalidDataException($"post_processor adds id {id}, which no token has");
            }
        }
    }

    private int? NamedToken(string name) =>
        !NamedTokens.TryGetValue(name, out var token) ? null
        : _ids.TryGetValue(token, out var id) ? id
        : throw new InvalidDataException($"{TokenizerFiles.ConfigName}: {name} \"{token}\" is not in the vocabulary");
}
