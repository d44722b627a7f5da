using System.Text.Json;
using Rlhf.Cli.AllInOne;

namespace Cli.Tests.AllInOne;

public sealed class CycleReportTests
{
    // 8 wins, 1 tie, 1 loss: (8 + 0.5) / 10 = 0.85; 7 of 10 held-out judgments: 0.7.
    private static readonly SeedResult First = new(1, 7, 10, 2.0, [1, 1, 1, 1, 1, 1, 1, 1, 0.5, 0], [0.5, 0.5], 0.4, 0.8);

    [Fact]
    public void ToJson_OneSeed_HasEveryFieldPerSeedAndPooled()
    {
        var root = JsonDocument.Parse(CycleReport.Of([First]).ToJson()).RootElement;
        foreach (var part in (JsonElement[])[root.GetProperty("pooled"), Assert.Single(root.GetProperty("seeds").EnumerateArray().ToArray())])
        {
            Assert.Equal(0.7, part.GetProperty("rewardAccuracy").GetDouble(), 12);
            Assert.Equal(2.0, part.GetProperty("kl").GetDouble(), 12);
            Assert.Equal(0.85, part.GetProperty("winRate").GetDouble(), 12);
            Assert.InRange(part.GetProperty("winRateLow").GetDouble(), 0, 0.85);
            Assert.InRange(part.GetProperty("winRateHigh").GetDouble(), 0.85, 1);
        }
    }

    // Pooled over 10 + 2 prompts: (8.5 + 0) / 12; accuracy (7 + 3) / (10 + 10); KL the mean of 2 and 4.
    [Fact]
    public void ToJson_TwoSeeds_PoolsJudgmentsAndPrompts()
    {
        var second = new SeedResult(2, 3, 10, 4.0, [0, 0], [0.5, 0.5], 0.4, 0.2);
        var pooled = JsonDocument.Parse(CycleReport.Of([First, second]).ToJson()).RootElement.GetProperty("pooled");
        Assert.Equal(0.5, pooled.GetProperty("rewardAccuracy").GetDouble(), 12);
        Assert.Equal(3.0, pooled.GetProperty("kl").GetDouble(), 12);
        Assert.Equal(8.5 / 12, pooled.GetProperty("winRate").GetDouble(), 12);
    }

    [Fact]
    public void Reading_IntervalAroundOneHalf_ClaimsNothing()
    {
        var even = new SeedResult(1, 1, 2, 0, [1, 0, 1, 0], [0.5], 0.5, 0.5);
        Assert.Contains("not distinguishable from", CycleReport.Of([even]).Reading, StringComparison.Ordinal);
    }

    [Fact]
    public void Reading_IntervalAboveOneHalf_SaysBetter()
    {
        var better = new SeedResult(1, 1, 2, 0, [.. Enumerable.Repeat(1.0, 50)], [0.5], 0.5, 0.9);
        Assert.Contains("better than the old one", CycleReport.Of([better]).Reading, StringComparison.Ordinal);
    }

    // A tiny cycle may have no held-out judgment at all.
    [Fact]
    public void ToJson_NoHeldOutJudgments_IsStillJson()
    {
        var root = JsonDocument.Parse(CycleReport.Of([First with { RewardCorrect = 0, RewardTotal = 0 }]).ToJson()).RootElement;
        Assert.Equal("NaN", root.GetProperty("pooled").GetProperty("rewardAccuracy").GetString());
    }

    [Fact]
    public void Preferences_ComparesPromptByPrompt() =>
        Assert.Equal([1, 0, 0.5], HeldOutVerdict.Preferences([0.9, 0.1, 0.5], [0.2, 0.8, 0.5]));
}
