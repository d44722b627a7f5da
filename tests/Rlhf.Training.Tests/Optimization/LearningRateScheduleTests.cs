using Rlhf.Training.Optimization;

namespace Rlhf.Training.Tests.Optimization;

/// <summary>Rates calculated by hand: base rate 1, 20 steps, of which 4 warm up (0, ¼, ½, ¾).</summary>
public sealed class LearningRateScheduleTests
{
    [Theory]
    [InlineData(ScheduleKind.Constant)]
    [InlineData(ScheduleKind.Linear)]
    [InlineData(ScheduleKind.Cosine)]
    [InlineData(ScheduleKind.WarmupStableDecay)]
    public void At_WarmUp_RisesOnALineFromZero(ScheduleKind kind)
    {
        var schedule = new LearningRateSchedule(kind, 1, TotalSteps: 20, WarmupSteps: 4);

        Assert.Equal([0, 0.25, 0.5, 0.75, 1], Enumerable.Range(0, 5).Select(step => schedule.At(step)));
    }

    [Theory]
    // Line: 1 − (step − 4)/16.
    [InlineData(ScheduleKind.Linear, 8, 0.75)]
    [InlineData(ScheduleKind.Linear, 12, 0.5)]
    [InlineData(ScheduleKind.Linear, 19, 1.0 / 16)]
    // Half a cosine: ½ (1 + cos(π (step − 4)/16)); cos 45° = 0.70710678…
    [InlineData(ScheduleKind.Cosine, 8, 0.85355339059327373)]
    [InlineData(ScheduleKind.Cosine, 12, 0.5)]
    [InlineData(ScheduleKind.Cosine, 20, 0)]
    [InlineData(ScheduleKind.Constant, 19, 1)]
    // Stable to step 12, then half a cosine over 8 steps: ½ (1 + cos(π (step − 12)/8)).
    [InlineData(ScheduleKind.WarmupStableDecay, 11, 1)]
    [InlineData(ScheduleKind.WarmupStableDecay, 12, 1)]
    [InlineData(ScheduleKind.WarmupStableDecay, 14, 0.85355339059327373)]
    [InlineData(ScheduleKind.WarmupStableDecay, 16, 0.5)]
    [InlineData(ScheduleKind.WarmupStableDecay, 20, 0)]
    [InlineData(ScheduleKind.WarmupStableDecay, 99, 0)]
    public void At_AfterWarmUp_HasTheShape(ScheduleKind kind, int step, double expected) =>
        Assert.Equal(expected, new LearningRateSchedule(kind, 1, 20, 4, DecaySteps: 8).At(step), 1e-12);

    [Fact]
    public void At_WarmupStableDecay_FallsOverATenthAndToTheMinimumByDefault()
    {
        // 20 steps: the last 2 fall. Half-way there a cosine between 1 and 0.2 is at 0.6.
        var schedule = new LearningRateSchedule(ScheduleKind.WarmupStableDecay, 1, 20, 4, MinimumRatio: 0.2);

        Assert.Equal(1, schedule.At(18));
        Assert.Equal(0.6, schedule.At(19), 1e-12);
        Assert.Equal(0.2, schedule.At(20), 1e-12);
    }

    [Fact]
    public void At_DecayLongerThanWhatWarmUpLeaves_BeginsWhenWarmUpEnds() =>
        Assert.Equal(0.5, new LearningRateSchedule(ScheduleKind.WarmupStableDecay, 1, 20, 4, DecaySteps: 99).At(12), 1e-12);
}
