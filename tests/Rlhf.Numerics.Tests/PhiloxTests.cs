namespace Rlhf.Numerics.Tests;

public sealed class PhiloxTests
{
    // Known-answer vector of the Random123 distribution (kat_vectors, philox4x32 with 10 rounds, counter and key all zero).
    [Fact]
    public void NextUInt32_ZeroCounterAndKey_MatchesRandom123()
    {
        var random = new Philox(0, 0);
        uint[] got = [random.NextUInt32(), random.NextUInt32(), random.NextUInt32(), random.NextUInt32()];
        Assert.Equal([0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u], got);
    }

    [Fact]
    public void Position_Restored_ContinuesTheSameSequence()
    {
        var random = new Philox(42, 7);
        for (var i = 0; i < 13; i++)
        {
            random.NextUInt32();
        }

        var resumed = new Philox(42, 7) { Position = random.Position };
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(random.NextUInt32(), resumed.NextUInt32());
        }
    }

    [Fact]
    public void Next_ManyDraws_IsUniform()
    {
        var counts = new int[7];
        var random = new Philox(1);
        for (var i = 0; i < 70_000; i++)
        {
            counts[random.Next(7)]++;
        }

        // Standard deviation of one cell: sqrt(70000 · 1/7 · 6/7) = 92.6; five of them.
        Assert.All(counts, c => Assert.InRange(c, 10_000 - 463, 10_000 + 463));
    }

    [Fact]
    public void NextNormal_ManyDraws_HasUnitMoments()
    {
        var random = new Philox(3);
        var x = Enumerable.Range(0, 100_000).Select(_ => random.NextNormal()).ToArray();
        // Standard errors: mean 0.0032, variance sqrt(2/n) = 0.0045; five of each.
        Assert.InRange(x.Average(), -0.016, 0.016);
        Assert.InRange(x.Select(v => v * v).Average(), 1 - 0.0225, 1 + 0.0225);
    }

    [Fact]
    public void Permutation_HasEveryIndexOnce() => Assert.Equal(Enumerable.Range(0, 100), new Philox(9).Permutation(100).Order());
}
