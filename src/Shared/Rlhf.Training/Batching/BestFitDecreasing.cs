namespace Rlhf.Training.Batching;

/// <summary>
/// Packs sequences into rows by best fit decreasing, the <c>bfd</c> packing of TRL (Ding et al. 2024, "Fewer Truncations Improve Language
/// Modeling", section 3.2): the longest first, each into the row with the least room left that still takes it. No sequence is cut.
/// </summary>
public static class BestFitDecreasing
{
    /// <summary>Which sequences share a row.</summary>
    /// <param name="lengths">Tokens of each sequence, positive.</param>
    /// <param name="capacity">Tokens of a row.</param>
    /// <returns>Rows of sequence numbers; every number once. The same lengths give the same rows: of equal lengths the earlier goes first.</returns>
    /// <exception cref="ArgumentException">If a sequence is empty or longer than a row.</exception>
    public static IReadOnlyList<int[]> Pack(IReadOnlyList<int> lengths, int capacity)
    {
        ArgumentNullException.ThrowIfNull(lengths);
        var rows = new List<List<int>>();
        var room = new SortedSet<(int Left, int Row)>();
        foreach (var i in Enumerable.Range(0, lengths.Count).OrderByDescending(i => lengths[i]))
        {
            if (lengths[i] < 1 || lengths[i] > capacity)
            {
                throw new ArgumentException($"Sequence {i} has {lengths[i]} tokens; a row holds 1 to {capacity}.", nameof(lengths));
            }

            var (left, row) = room.GetViewBetween((lengths[i], 0), (capacity, int.MaxValue)) is { Count: > 0 } fitting ? fitting.Min : (capacity, rows.Count);
            if (row == rows.Count)
            {
                rows.Add([]);
            }
            else
            {
                room.Remove((left, row));
            }

            rows[row].Add(i);
            room.Add((left - lengths[i], row));
        }

        return [.. rows.Select(row => row.ToArray())];
    }
}
