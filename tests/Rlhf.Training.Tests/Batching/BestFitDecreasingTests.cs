using Rlhf.Numerics;
using Rlhf.Training.Batching;

namespace Rlhf.Training.Tests.Batching;

public sealed class BestFitDecreasingTests
{
    // 6 opens row 0 (4 left), 5 row 1 (5 left); 4 fits row 0 best (0 left), 3 and the first 2 fill row 1; the second 2 needs row 2.
    [Fact]
    public void Pack_HandExample_FillsTheTightestRow() =>
        Assert.Equal([[3, 1], [0, 4, 2], [5]], BestFitDecreasing.Pack([5, 4, 2, 6, 3, 2], capacity: 10));

    [Fact]
    public void Pack_RandomLengths_PlacesEachOnceWithinTheCapacity()
    {
        var random = new Philox(3);
        for (var trial = 0; trial < 50; trial++)
        {
            var lengths = Enumerable.Range(0, 1 + random.Next(200)).Select(_ => 1 + random.Next(64)).ToArray();

            var rows = BestFitDecreasing.Pack(lengths, 64);

            Assert.Equal(Enumerable.Range(0, lengths.Length), rows.SelectMany(r => r).Order());
            Assert.All(rows, row => Assert.InRange(row.Sum(i => lengths[i]), 1, 64));

            // Every fitting algorithm: no two rows could be one, so all but one are more than half full on average.
            Assert.True(rows.Count <= (2 * lengths.Sum() / 64) + 1, $"{rows.Count} rows for {lengths.Sum()} tokens");
        }
    }

    [Fact]
    public void Pack_SequenceLongerThanARow_IsRefused()
    {
        Assert.Contains("Sequence 1 has 11 tokens", Assert.Throws<ArgumentException>(() => BestFitDecreasing.Pack([3, 11], 10)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => BestFitDecreasing.Pack([0], 10));
    }
}
