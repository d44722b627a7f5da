namespace Rlhf.FaultCampaign.Tests;

public sealed class FaultScheduleTests
{
    private static readonly string[] s_all = [.. FaultKinds.All.Select(k => k.Kind)];

    [Fact]
    public void Draw_SameSeed_SameFaults() => Assert.Equal(FaultSchedule.Draw(50, 7, s_all), FaultSchedule.Draw(50, 7, s_all));

    [Fact]
    public void Draw_OtherSeed_OtherFaults() => Assert.NotEqual(FaultSchedule.Draw(50, 7, s_all), FaultSchedule.Draw(50, 8, s_all));

    [Fact]
    public void Draw_AsManyAsKinds_EveryKindOnce() =>
        Assert.Equal(s_all.Order(StringComparer.Ordinal), FaultSchedule.Draw(s_all.Length, 3, s_all).Select(f => f.Kind).Order(StringComparer.Ordinal));

    [Fact]
    public void Draw_KindNotAvailable_NeverComes() =>
        Assert.DoesNotContain(FaultSchedule.Draw(500, 3, [.. s_all.Except([FaultKinds.DiskFull])]), f => f.Kind == FaultKinds.DiskFull);

    [Theory]
    [InlineData(200, 1)]
    [InlineData(200, 2)]
    [InlineData(50, 3)]
    public void Draw_LongCampaign_CutsTheBrokerOffForAMinute(int count, ulong seed) =>
        Assert.Contains(FaultSchedule.Draw(count, seed, s_all), f => f is { Kind: FaultKinds.BrokerUnreachable, IsLong: true });

    [Fact]
    public void Draw_LongOutages_AreTheBrokersOnly_AndNotInAShortCampaign()
    {
        Assert.All(FaultSchedule.Draw(2000, 3, s_all).Where(f => f.IsLong), f => Assert.Equal(FaultKinds.BrokerUnreachable, f.Kind));
        Assert.DoesNotContain(FaultSchedule.Draw(49, 3, s_all), f => f.IsLong);
    }

    // 4 of 22: expected 1,818 of 10,000, standard deviation √(10,000 · 0.18 · 0.82) = 39; five of them allow for the eleven that come once each.
    [Fact]
    public void Draw_Many_FollowsTheWeights() =>
        Assert.InRange(FaultSchedule.Draw(10_000, 5, s_all).Count(f => f.Kind == FaultKinds.KillTrainer), 1818 - 195, 1818 + 195);
}
