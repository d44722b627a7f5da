using Rlhf.Numerics;
using Rlhf.Training.Evaluation;

namespace Rlhf.Training.Tests.Evaluation;

public sealed class EvaluationTests
{
    [Fact]
    public void PreferenceAccuracy_WinsLossesAndATie_CountsTheTieHalf()
    {
        var accuracy = PreferenceAccuracy.Measure([2, 1, 0, 5], [1, 1, 3, 4]);

        // (1 + ½ + 0 + 1) / 4.
        Assert.Equal(0.625, accuracy.Value);
        Assert.Equal(Statistics.Wilson(2.5, 4), accuracy);
    }

    [Fact]
    public void PreferenceAccuracy_DifferentCounts_IsRefused() =>
        Assert.Throws<ArgumentException>(() => PreferenceAccuracy.Measure([1, 2], [1]));

    [Fact]
    public void WinRate_BetterChallenger_WinsEveryPrompt()
    {
        var rate = WinRate.Measure(
            ["a", "b", "c"], (p, _) => p + p, (p, _) => p, (_, answer) => answer.Length, new Philox(1), answersPerPrompt: 2);

        Assert.Equal(new Interval(1, 1, 1), rate);
    }

    [Fact]
    public void WinRate_EqualPolicies_IsOneHalf() => Assert.Equal(
        0.5, WinRate.Measure([1, 2, 3], (_, i) => $"{i}", (_, i) => $"{i}", (_, _) => 1, new Philox(1)).Value);
}
