using System.Buffers;
using System.Collections.Concurrent;
using System.Text;

namespace Rlhf.Modeling.Tokenization;

/// <summary>
/// Byte-pair encoding of one word: start from single bytes or characters, then join the adjacent pair with the lowest rank
/// (leftmost first) until no known pair is left. A heap keeps it O(n log n), because without a pre-tokenizer a "word" is the whole text.
/// </summary>
internal sealed class BpeModel
{
    private const int MaxCachedWords = 1 << 16;
    private const int MaxCachedWordLength = 64;

    private readonly Dictionary<string, int> _vocabulary;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _vocabularyBySpan;
    private readonly Dictionary<ulong, (int Rank, int Id)> _merges = [];
    private readonly ConcurrentDictionary<string, int[]> _words = new();
    private readonly ConcurrentDictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> _wordsBySpan;
    private readonly int[] _byteIds = new int[256];
    private readonly bool _byteLevel;
    private readonly bool _byteFallback;
    private readonly bool _fuseUnknown;
    private readonly bool _ignoreMerges;
    private readonly int? _unknownId;
    private int _cachedWords;

    /// <summary>A model over its vocabulary and its merges in order of rank.</summary>
    public BpeModel(
        Dictionary<string, int> vocabulary,
        IReadOnlyList<(string Left, string Right)> merges,
        bool byteLevel,
        bool byteFallback = false,
        string? unknownToken = null,
        bool fuseUnknown = false,
        bool ignoreMerges = false)
    {
        _vocabulary = vocabulary;
        _vocabularyBySpan = vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        _wordsBySpan = _words.GetAlternateLookup<ReadOnlySpan<char>>();
        _byteLevel = byteLevel;
        _byteFallback = byteFallback;
        _fuseUnknown = fuseUnknown;
        _ignoreMerges = ignoreMerges;
        if (unknownToken is not null)
        {
            _unknownId = vocabulary.TryGetValue(unknownToken, out var unknown)
                ? unknown
                : throw new InvalidDataException($"model.unk_token \"{unknownToken}\" is not in model.vocab");
        }

        for (var value = 0; value < 256; value++)
        {
            var name = byteLevel ? ByteLevelAlphabet.ToChar((byte)value).ToString() : $"<0x{value:X2}>";
            _byteIds[value] = vocabulary.GetValueOrDefault(name, -1);
        }

        for (var rank = 0; rank < merges.Count; rank++)
        {
            var (left, right) = merges[rank];
            if (!vocabulary.TryGetValue(left, out var leftId)
                || !vocabulary.TryGetValue(right, out var rightId)
                || !vocabulary.TryGetValue(left + right, out var joinedId))
            {
                throw new InvalidDataException(
                    $"model.merges[{rank}] joins \"{left}\" and \"{right}\": both and their joined form must be in model.vocab");
            }

            _merges.TryAdd(Pair(leftId, rightId), (rank, joinedId));
        }
    }

    /// <summary>Appends the ids of one word (a part of the pre-tokenized, normalized text).</summary>
    public void Encode(ReadOnlySpan<char> word, List<int> ids)
    {
        if (word.Length > MaxCachedWordLength)
        {
            ids.AddRange(Encode(word));
            return;
        }

        if (!_wordsBySpan.TryGetValue(word, out var known))
        {
            known = Encode(word);
            if (Volatile.Read(ref _cachedWords) < MaxCachedWords && _wordsBySpan.TryAdd(word, known))
            {
                Interlocked.Increment(ref _cachedWords);
            }
        }

        ids.AddRange(known);
    }

    private int[] Encode(ReadOnlySpan<char> word)
    {
        if (_ignoreMerges && _vocabulary.TryGetValue(VocabularyForm(word), out var whole))
        {
            return [whole];
        }

        var symbols = new List<int>(word.Length);
        if (_byteLevel)
        {
            AddByteLevelSymbols(word, symbols);
        }
        else
        {
            AddCharacterSymbols(word, symbols);
        }

        return Merge(symbols);
    }

    private string VocabularyForm(ReadOnlySpan<char> word) => _byteLevel
        ? ByteLevelAlphabet.ToText(Encoding.UTF8.GetBytes(word.ToString()))
        : word.ToString();

    private void AddByteLevelSymbols(ReadOnlySpan<char> word, List<int> symbols)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(word.Length));
        foreach (var value in buffer.AsSpan(0, Encoding.UTF8.GetBytes(word, buffer)))
        {
            AddSymbol(_byteIds[value], symbols);
        }

        ArrayPool<byte>.Shared.Return(buffer);
    }

    private void AddCharacterSymbols(ReadOnlySpan<char> word, List<int> symbols)
    {
        Span<byte> bytes = stackalloc byte[4];
        while (word.Length > 0)
        {
            Rune.DecodeFromUtf16(word, out var rune, out var width);
            if (_vocabularyBySpan.TryGetValue(word[..width], out var id))
            {
                symbols.Add(id);
            }
            else
            {
                var encoded = bytes[..rune.EncodeToUtf8(bytes)];
                if (_byteFallback && HasAllBytes(encoded))
                {
                    foreach (var value in encoded)
                    {
                        symbols.Add(_byteIds[value]);
                    }
                }
                else
                {
                    AddSymbol(-1, symbols);
                }
            }

            word = word[width..];
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
    private void AddSymbol(int id, List<int> symbols)
    {
        if (id >= 0)
        {
            symbols.Add(id);
        }
        else if (_unknownId is { } unknown && !(_fuseUnknown && symbols.Count > 0 && symbols[^1] == unknown))
        {
            symbols.Add(unknown);
        }
    }

    private int[] Merge(List<int> symbols)
    {
        var count = symbols.Count;
        if (count < 2)
        {
            return [.. symbols];
        }

        // A doubly linked list over positions; a joined symbol lives at its left position, its right one is marked dead with -1.
        var ids = symbols.ToArray();
        var next = new int[count];
        var previous = new int[count];
        var candidates = new PriorityQueue<int, ulong>();
        for (var i = 0; i < count; i++)
        {
            (next[i], previous[i]) = (i + 1, i - 1);
        }

        for (var i = 0; i + 1 < count; i++)
        {
            Propose(i, i + 1);
        }

        var alive = count;
        while (candidates.TryDequeue(out var joined, out var priority))
        {
            var left = (int)(uint)priority;
            var right = next[left];

            // The neighbourhood may have changed since the pair was proposed.
            if (ids[left] < 0 || right >= count || !_merges.TryGetValue(Pair(ids[left], ids[right]), out var merge) || merge.Id != joined)
            {
                continue;
            }

            ids[left] = joined;
            ids[right] = -1;
            next[left] = next[right];
            alive--;
            if (next[left] < count)
            {
                previous[next[left]] = left;
                Propose(left, next[left]);
            }

            if (previous[left] >= 0)
            {
                Propose(previous[left], left);
            }
        }

        var result = new int[alive];
        for (int position = 0, at = 0; position < count; position = next[position])
        {
            result[at++] = ids[position];
        }

        return result;

        void Propose(int left, int right)
        {
            if (_merges.TryGetValue(Pair(ids[left], ids[right]), out var merge))
            {
                candidates.Enqueue(merge.Id, ((ulong)(uint)merge.Rank << 32) | (uint)left);
            }
        }
    }

    private static ulong Pair(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;
}
