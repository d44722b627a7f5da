using System.Runtime.InteropServices;

namespace Rlhf.Modeling.Tokenization.Training;

/// <summary>
/// The different words as symbols with their counts, and the counts of all adjacent pairs in them, kept up to date while pairs are merged. The most
/// frequent pair comes from a heap whose entries may be too high: one that is goes back with its present count.
/// </summary>
internal sealed class PairCounts
{
    // All words in one array: word w has the symbols from _starts[w] on, of which _lengths[w] are left.
    private readonly int[] _symbols;
    private readonly int[] _starts;
    private readonly int[] _lengths;
    private readonly long[] _counts;
    private readonly Dictionary<ulong, Pair> _pairs = [];
    private readonly PriorityQueue<Pair, (long NegativeCount, ulong Key)> _queue = new();
    private readonly List<Pair> _grown = [];

    /// <param name="words">The words as UTF-8, with how often each occurs.</param>
    /// <param name="byteIds">The id of every byte.</param>
    public PairCounts(IReadOnlyCollection<(byte[] Word, long Count)> words, int[] byteIds)
    {
        _symbols = new int[words.Sum(word => word.Word.Length)];
        _starts = new int[words.Count];
        _lengths = new int[words.Count];
        _counts = new long[words.Count];
        var (index, next) = (0, 0);
        foreach (var (word, count) in words)
        {
            (_starts[index], _lengths[index], _counts[index]) = (next, word.Length, count);
            foreach (var value in word)
            {
                _symbols[next++] = byteIds[value];
            }

            for (var i = _starts[index]; i + 1 < next; i++)
            {
                Grow(_symbols[i], _symbols[i + 1], count, index);
            }

            index++;
        }

        EnqueueGrown();
    }

    /// <summary>The pair with the highest count; of several the one with the smallest ids.</summary>
    public bool TryTakeMostFrequent(long minimum, out int left, out int right)
    {
        while (_queue.TryDequeue(out var pair, out var priority))
        {
            if (pair.Count == -priority.NegativeCount && pair.Count >= minimum)
            {
                (left, right) = ((int)(pair.Key >> 32), (int)(uint)pair.Key);
                return true;
            }

            // The count fell since the pair was queued: it competes again with what is left.
            if (pair.Count >= minimum && pair.Count < -priority.NegativeCount)
            {
                _queue.Enqueue(pair, (-pair.Count, pair.Key));
            }
        }

        (left, right) = (-1, -1);
        return false;
    }

    /// <summary>Joins every occurrence of a pair, left to right, and updates the counts of the pairs around it.</summary>
    public void Merge(int left, int right, int joined)
    {
        _pairs.Remove(Key(left, right), out var merged);
        foreach (var word in merged!.Words)
        {
            var symbols = _symbols.AsSpan(_starts[word], _lengths[word]);
            var count = _counts[word];
            var kept = 0;
            for (var i = 0; i < symbols.Length; i++)
            {
                if (i + 1 == symbols.Length || symbols[i] != left || symbols[i + 1] != right)
                {
                    symbols[kept++] = symbols[i];
                    continue;
                }

                if (kept > 0)
                {
                    Shrink(symbols[kept - 1], left, count);
                    Grow(symbols[kept - 1], joined, count, word);
                }

                if (i + 2 < symbols.Length)
                {
                    Shrink(right, symbols[i + 2], count);
                    Grow(joined, symbols[i + 2], count, word);
                }

                symbols[kept++] = joined;
                i++;
            }

            _lengths[word] = kept;
        }

        // No occurrence is left; what is still queued for the pair must not count any more.
        merged.Count = 0;
        EnqueueGrown();
    }

    private static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    private void Shrink(int left, int right, long count)
    {
        if (_pairs.TryGetValue(Key(left, right), out var pair))
        {
            pair.Count -= count;
        }
    }

    private void Grow(int left, int right, long count, int word)
    {
        ref var pair = ref CollectionsMarshal.GetValueRefOrAddDefault(_pairs, Key(left, right), out _);
        pair ??= new Pair(Key(left, right));
        pair.Count += count;
        if (!pair.Grown)
        {
            pair.Grown = true;
            _grown.Add(pair);
        }

        if (pair.Words.Count == 0 || pair.Words[^1] != word)
        {
            pair.Words.Add(word);
        }
    }

    private void EnqueueGrown()
    {
        foreach (var pair in _grown)
        {
            pair.Grown = false;
            _queue.Enqueue(pair, (-pair.Count, pair.Key));
        }

        _grown.Clear();
    }

    private sealed class Pair(ulong key)
    {
        public ulong Key { get; } = key;

        public long Count { get; set; }

        /// <summary>Words that have, or once had, the pair.</summary>
        public List<int> Words { get; } = [];

        /// <summary>Whether the pair waits to be queued.</summary>
        public bool Grown { get; set; }
    }
}
