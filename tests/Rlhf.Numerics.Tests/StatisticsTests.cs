namespace Rlhf.Numerics.Tests;

public sealed class StatisticsTests
{
    // 7 of 10 at 95 %: centre (0.7 + 1.92073/10) / 1.384146 = 0.644493…, half-width 0.247713…: [0.39678, 0.89221].
    [Fact]
    public void Wilson_SevenOfTen_MatchesTheFormula()
    {
        var interval = Statistics.Wilson(7, 10);
        Assert.Equal(0.7, interval.Value, 12);
        Assert.Equal(0.39678, interval.Low, 5);
        Assert.Equal(0.89221, interval.High, 5);
    }

    [Fact]
    public void Wilson_NoTrials_KnowsNothing()
    {
        var interval = Statistics.Wilson(0, 0);
        Assert.True(double.IsNaN(interval.Value));
        Assert.Equal((0.0, 1.0), (interval.Low, interval.High));
    }

    [Fact]
    public void Wilson_MoreSuccessesThanTrials_IsRefused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Statistics.Wilson(3, 2));

    [Fact]
    public void ClusterBootstrap_IdenticalClusters_HasNoWidth()
    {
        double[] cluster = [0, 1, 1, 0.5];
        var interval = Statistics.ClusterBootstrap([cluster, cluster, cluster], new Philox(0));
        Assert.Equal(new Interval(0.625, 0.625, 0.625), interval);
    }

    [Fact]
    public void ClusterBootstrap_IndependentValues_MatchesTheNormalInterval()
    {
        var random = new Philox(5);
        var clusters = Enumerable.Range(0, 400).Select(_ => (IReadOnlyList<double>)[random.Chance(0.5) ? 1.0 : 0.0]).ToArray();
        var interval = Statistics.ClusterBootstrap(clusters, new Philox(6));
        // Normal theory: half-width 1.96 · 0.5 / 20 = 0.049; the bootstrap of 2,000 resamples agrees within a tenth.
        Assert.Equal(0.098, interval.High - interval.Low, tolerance: 0.0098);
    }

    [Fact]
    public void ClusterBootstrap_NoValues_IsRefused() =>
        Assert.Throws<ArgumentException>(() => Statistics.ClusterBootstrap([[]], new Philox(0)));
}
