using System.Buffers;

namespace Rlhf.Modeling.Tokenization.Models;

/// <summary>
/// Joins the adjacent pair with the lowest rank (leftmost first) until no known pair is left. Short words by scanning their few ranks,
/// long ones with a heap in O(n log n), because without a pre-tokenizer a "word" is the whole text.
/// </summary>
internal static class BpeMerger
{
    private const int ShortWord = 64;

    /// <summary>Merges symbols in place.</summary>
    /// <param name="table">The merges.</param>
    /// <param name="ids">The symbols; afterwards the tokens.</param>
    /// <param name="starts">Where each symbol starts; afterwards where each token starts. Empty if that is not wanted.</param>
    /// <returns>The number of tokens.</returns>
    public static int Merge(MergeTable table, Span<int> ids, Span<int> starts) => ids.Length switch
    {
        < 2 => ids.Length,
        <= ShortWord => MergeShort(table, ids, starts),
        _ => MergeLong(table, ids, starts),
    };

    private static int MergeShort(MergeTable table, Span<int> ids, Span<int> starts)
    {
        var count = ids.Length;
        Span<int> ranks = stackalloc int[ShortWord];
        Span<int> joined = stackalloc int[ShortWord];
        for (var i = 0; i + 1 < count; i++)
        {
            (ranks[i], joined[i]) = table.Find(ids[i], ids[i + 1]);
        }

        while (count > 1)
        {
            var best = 0;
            for (var i = 1; i + 1 < count; i++)
            {
                if (ranks[i] < ranks[best])
                {
                    best = i;
                }
            }

            if (ranks[best] == int.MaxValue)
            {
                break;
            }

            ids[best] = joined[best];
            ids[(best + 2)..count].CopyTo(ids[(best + 1)..]);
            if (best + 2 < count)
            {
                ranks[(best + 2)..count].CopyTo(ranks[(best + 1)..]);
                joined[(best + 2)..count].CopyTo(joined[(best + 1)..]);
            }

            if (!starts.IsEmpty)
            {
                starts[(best + 2)..count].CopyTo(starts[(best + 1)..]);
            }

            count--;
            if (best + 1 < count)
            {
                (ranks[best], joined[best]) = table.Find(ids[best], ids[best + 1]);
            }

            if (best > 0)
            {
                (ranks[best - 1], joined[best - 1]) = table.Find(ids[best - 1], ids[best]);
            }
        }

        return count;
    }

    private static int MergeLong(MergeTable table, Span<int> symbols, Span<int> starts)
    {
        // A doubly linked list over positions; a joined symbol lives at its left position, its right one is marked dead with -1.
        var count = symbols.Length;
        var ids = ArrayPool<int>.Shared.Rent(count);
        var next = ArrayPool<int>.Shared.Rent(count);
        var previous = ArrayPool<int>.Shared.Rent(count);
        symbols.CopyTo(ids);
        var candidates = new PriorityQueue<int, ulong>(count);
        for (var i = 0; i < count; i++)
        {
            (next[i], previous[i]) = (i + 1, i - 1);
        }

        for (var i = 0; i + 1 < count; i++)
        {
            Propose(i, i + 1);
        }

        while (candidates.TryDequeue(out var joined, out var priority))
        {
            var left = (int)(uint)priority;
            var right = next[left];

            // The neighbourhood may have changed since the pair was proposed.
            if (ids[left] < 0 || right >= count || table.Find(ids[left], ids[right]).Id != joined)
            {
                continue;
            }

            ids[left] = joined;
            ids[right] = -1;
            next[left] = next[right];
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

        var alive = 0;
        for (var position = 0; position < count; position = next[position])
        {
            symbols[alive] = ids[position];
            if (!starts.IsEmpty)
            {
                starts[alive] = starts[position];
            }

            alive++;
        }

        ArrayPool<int>.Shared.Return(ids);
        ArrayPool<int>.Shared.Return(next);
        ArrayPool<int>.Shared.Return(previous);
        return alive;

        void Propose(int left, int right)
        {
            if (table.Find(ids[left], ids[right]) is { Rank: not int.MaxValue } merge)
            {
                candidates.Enqueue(merge.Id, ((ulong)(uint)merge.Rank << 32) | (uint)left);
            }
        }
    }
}
