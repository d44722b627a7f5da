using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Rlhf.Modeling.Tokenization.Models;

/// <summary>Byte-pair encoding of one word (Sennrich et al. 2016): bytes or characters, joined by the merges in order of rank.</summary>
internal sealed class BpeModel : TokenModel
{
    private readonly Dictionary<string, int> _vocabulary;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _vocabularyBySpan;
    private readonly MergeTable _merges;
    private readonly WordCache _cache = new();
    private readonly int[] _byteIds = new int[256];
    private readonly bool _bytes;
    private readonly bool _byteFallback;
    private readonly bool _fuseUnknown;
    private readonly bool _ignoreMerges;
    private readonly string _prefix;
    private readonly string _suffix;
    private readonly int? _unknownId;

    private BpeModel(JsonElement model, Dictionary<string, int> vocabulary, bool bytes)
    {
        _vocabulary = vocabulary;
        _vocabularyBySpan = vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        _prefix = Affix(model, "continuing_subword_prefix");
        _suffix = Affix(model, "end_of_word_suffix");
        _byteFallback = TokenizerJson.Flag(model, "byte_fallback");
        _fuseUnknown = TokenizerJson.Flag(model, "fuse_unk");
        _ignoreMerges = TokenizerJson.Flag(model, "ignore_merges");
        _unknownId = UnknownId(model, vocabulary, required: false);
        _bytes = bytes;
        for (var value = 0; value < 256; value++)
        {
            _byteIds[value] = vocabulary.GetValueOrDefault(bytes ? ByteLevelAlphabet.ToChar((byte)value).ToString() : $"<0x{value:X2}>", -1);
        }

        var merges = ReadMerges(model);
        _merges = new MergeTable(merges.Count);
        var joined = new StringBuilder();
        for (var rank = 0; rank < merges.Count; rank++)
        {
            var (left, right) = merges[rank];
            var rest = _prefix.Length > 0 && right.StartsWith(_prefix, StringComparison.Ordinal) ? right.AsSpan(_prefix.Length) : right;
            if (!vocabulary.TryGetValue(left, out var leftId)
                || !vocabulary.TryGetValue(right, out var rightId)
                || !_vocabularyBySpan.TryGetValue(Join(joined, left, rest), out var joinedId))
            {
                throw new InvalidDataException(
                    $"model.merges[{rank}] joins \"{left}\" and \"{right}\": both and their joined form must be in model.vocab");
            }

            _merges.Set(leftId, rightId, rank, joinedId);
        }
    }

    /// <summary>Whether a model section can take words as bytes: BPE without affixes.</summary>
    public static bool TakesBytes(JsonElement model) =>
        TypeOf(model) == "BPE" && Affix(model, "continuing_subword_prefix").Length == 0 && Affix(model, "end_of_word_suffix").Length == 0;

    public static new BpeModel Parse(JsonElement model, bool bytes)
    {
        if (TokenizerJson.Child(model, "dropout") is { ValueKind: JsonValueKind.Number } dropout && dropout.GetDouble() != 0)
        {
            throw TokenizerJson.Unsupported("model.dropout", dropout.GetRawText(), "null, 0");
        }

        var vocabulary = ParseVocabulary(model);
        return new BpeModel(model, vocabulary, bytes) { Vocabulary = vocabulary };
    }

    public override void Encode(ReadOnlySpan<char> word, TokenSink sink)
    {
        if (sink.Ranges is not null || word.Length > WordCache.MaxLength)
        {
            EncodeAfresh(word, sink);
            return;
        }

        var known = _cache.Find(word, out var hash);
        if (known is null)
        {
            var first = sink.Ids.Count;
            EncodeAfresh(word, sink);
            _cache.Add(word, hash, sink.Ids.GetRange(first, sink.Ids.Count - first).ToArray());
        }
        else
        {
            sink.Ids.AddRange(known.AsSpan());
        }
    }

    private static string Affix(JsonElement model, string name) =>
        TokenizerJson.Child(model, name) is { ValueKind: JsonValueKind.String } value ? value.GetString()! : "";

    private static ReadOnlySpan<char> Join(StringBuilder buffer, string left, ReadOnlySpan<char> right)
    {
        buffer.Clear().Append(left).Append(right);
        foreach (var chunk in buffer.GetChunks())
        {
            if (chunk.Length == buffer.Length)
            {
                return chunk.Span;
            }
        }

        return buffer.ToString();
    }

    /// <summary>The merges in order of rank.</summary>
    public static List<(string Left, string Right)> ReadMerges(JsonElement model)
    {
        var merges = new List<(string, string)>();
        TokenizerJson.ForEach(model, "merges", "model", (merge, at) =>
        {
            // Two spellings: "a b" in older files, ["a", "b"] in newer ones (which allow spaces inside).
            string[] parts = merge.ValueKind switch
            {
                JsonValueKind.String => merge.GetString()!.Split(' '),
                JsonValueKind.Array => [.. merge.EnumerateArray().Select(part => part.ValueKind == JsonValueKind.String ? part.GetString()! : "")],
                _ => [],
            };
            if (parts.Length != 2)
            {
                throw new InvalidDataException($"{at} must be \"left right\" or [\"left\", \"right\"]");
            }

            merges.Add((parts[0], parts[1]));
        });
        return merges;
    }

    private void EncodeAfresh(ReadOnlySpan<char> word, TokenSink sink)
    {
        if (word.IsEmpty)
        {
            return;
        }

        if (_ignoreMerges && WholeWord(word) is { } whole)
        {
            sink.Add(whole, 0, word.Length);
            return;
        }

        // At most three symbols for a UTF-16 unit: its UTF-8 bytes.
        var capacity = 3 * word.Length;
        var ids = ArrayPool<int>.Shared.Rent(capacity);
        var starts = ArrayPool<int>.Shared.Rent(sink.Ranges is null ? 0 : capacity);
        var symbols = new Symbols(ids, sink.Ranges is null ? [] : starts);
        if (_bytes)
        {
            AddBytes(word, ref symbols);
        }
        else
        {
            AddCharacters(word, ref symbols);
        }

        var count = BpeMerger.Merge(_merges, ids.AsSpan(0, symbols.Count), sink.Ranges is null ? [] : starts.AsSpan(0, symbols.Count));
        if (sink.Ranges is null)
        {
            sink.Ids.AddRange(ids.AsSpan(0, count));
        }
        else
        {
            AddRanges(word, ids.AsSpan(0, count), starts.AsSpan(0, count), sink);
        }

        ArrayPool<int>.Shared.Return(ids);
        ArrayPool<int>.Shared.Return(starts);
    }

    /// <summary>A token stands for the characters from its start to the next token's; one that begins inside a character includes all of it.</summary>
    private static void AddRanges(ReadOnlySpan<char> word, ReadOnlySpan<int> ids, ReadOnlySpan<int> starts, TokenSink sink)
    {
        for (var i = 0; i < ids.Length; i++)
        {
            // A start is negative in the middle of a character (see Symbols): the token before then ends with that character.
            var start = starts[i] >= 0 ? starts[i] : ~starts[i];
            var end = i + 1 == ids.Length ? word.Length : starts[i + 1];
            if (end < 0)
            {
                Rune.DecodeFromUtf16(word[~end..], out _, out var width);
                end = ~end + width;
            }

            sink.Add(ids[i], start, end);
        }
    }

    private int? WholeWord(ReadOnlySpan<char> word)
    {
        if (!_bytes)
        {
            return _vocabularyBySpan.TryGetValue(word, out var plain) ? plain : null;
        }

        var bytes = ArrayPool<byte>.Shared.Rent(3 * word.Length);
        var characters = ArrayPool<char>.Shared.Rent(3 * word.Length);
        var count = Encoding.UTF8.GetBytes(word, bytes);
        for (var i = 0; i < count; i++)
        {
            characters[i] = ByteLevelAlphabet.ToChar(bytes[i]);
        }

        int? id = _vocabularyBySpan.TryGetValue(characters.AsSpan(0, count), out var found) ? found : null;
        ArrayPool<byte>.Shared.Return(bytes);
        ArrayPool<char>.Shared.Return(characters);
        return id;
    }

    private void AddBytes(ReadOnlySpan<char> word, ref Symbols symbols)
    {
        Span<byte> bytes = stackalloc byte[4];
        for (var i = 0; i < word.Length;)
        {
            if (word[i] < 0x80)
            {
                Add(_byteIds[word[i]], i, ref symbols);
                i++;
                continue;
            }

            Rune.DecodeFromUtf16(word[i..], out var rune, out var width);
            var count = rune.EncodeToUtf8(bytes);
            for (var b = 0; b < count; b++)
            {
                Add(_byteIds[bytes[b]], b == 0 ? i : ~i, ref symbols);
            }

            i += width;
        }
    }

    private void AddCharacters(ReadOnlySpan<char> word, ref Symbols symbols)
    {
        Span<byte> bytes = stackalloc byte[4];
        var decorated = new StringBuilder();
        for (var i = 0; i < word.Length;)
        {
            Rune.DecodeFromUtf16(word[i..], out var rune, out var width);
            ReadOnlySpan<char> symbol = word.Slice(i, width);
            if ((_prefix.Length > 0 && i > 0) || (_suffix.Length > 0 && i + width == word.Length))
            {
                decorated.Clear().Append(i > 0 ? _prefix : "").Append(symbol).Append(i + width == word.Length ? _suffix : "");
                symbol = decorated.ToString();
            }

            if (_vocabularyBySpan.TryGetValue(symbol, out var id))
            {
                symbols.Add(id, i);
            }
            else
            {
                var encoded = bytes[..rune.EncodeToUtf8(bytes)];
                if (_byteFallback && HasAllBytes(encoded))
                {
                    for (var b = 0; b < encoded.Length; b++)
                    {
                        symbols.Add(_byteIds[encoded[b]], b == 0 ? i : ~i);
                    }
                }
                else
                {
                    Add(-1, i, ref symbols);
                }
            }

            i += width;
        }
    }

    private bool HasAllBytes(ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            if (_byteIds[value] < 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>A symbol the vocabulary lacks becomes the unknown token; without one it is dropped, as in the reference library.</summary>
    private void Add(int id, int start, ref Symbols symbols)
    {
        if (id >= 0)
        {
            symbols.Add(id, start);
        }
        else if (_unknownId is { } unknown && !(_fuseUnknown && symbols.Last == unknown))
        {
            symbols.Add(unknown, start);
        }
    }

    /// <summary>Symbols and where they start in the word: at a unit, or (as its complement) inside the character at that unit.</summary>
    private ref struct Symbols(Span<int> ids, Span<int> starts)
    {
        private readonly Span<int> _ids = ids;
        private readonly Span<int> _starts = starts;

        public int Count { get; private set; }

        public readonly int Last => Count > 0 ? _ids[Count - 1] : -1;

        public void Add(int id, int start)
        {
            if (!_starts.IsEmpty)
            {
                _starts[Count] = start;
            }

            _ids[Count++] = id;
        }
    }
}
