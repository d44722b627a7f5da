using Rlhf.Numerics;

namespace Rlhf.TaskFamilies.Tests;

public sealed class SimulatedAnnotatorTests
{
    [Theory]
    [InlineData(0.8, 0.5)]
    [InlineData(0.2, 0.9)]
    [InlineData(1.0, 0.0)]
    [InlineData(0.55, 0.45)]
    public void Choose_ManyTimes_MatchesTheSigmoid(double scoreA, double scoreB)
    {
        const int trials = 40_000;
        var annotator = new SimulatedAnnotator(beta: 5);
        var random = new Philox(17);
        var a = Enumerable.Range(0, trials).Count(_ => annotator.Choose(scoreA, scoreB, random) == "a");
        var expected = 1 / (1 + Math.Exp(-5 * (scoreA - scoreB)));
        var fiveErrors = 5 * Math.Sqrt(expected * (1 - expected) / trials);
        Assert.InRange((double)a / trials, expected - fiveErrors, expected + fiveErrors);
    }

    [Fact]
    public void Choose_NearlyEqualScores_TiesAtTheRate()
    {
        const int trials = 40_000;
        var annotator = new SimulatedAnnotator(beta: 8, tieRate: 0.4, tieMargin: 0.1);
        var random = new Philox(18);
        var choices = Enumerable.Range(0, trials).Select(_ => annotator.Choose(0.7, 0.65, random)).ToArray();
        // Five standard errors: 5·sqrt(0.4·0.6/40000) = 0.01225.
        Assert.InRange((double)choices.Count(c => c == "tie") / trials, 0.4 - 0.01225, 0.4 + 0.01225);
        // Of the decided ones σ(8·0.05) = 0.5987 are "a"; five standard errors of 24,000 draws are 0.0158.
        Assert.InRange((double)choices.Count(c => c == "a") / choices.Count(c => c != "tie"), 0.5987 - 0.016, 0.5987 + 0.016);
    }

    [Fact]
    public void Choose_OutsideTheMargin_NeverTies()
    {
        var annotator = new SimulatedAnnotator(tieRate: 1, tieMargin: 0.05);
        var random = new Philox(1);
        Assert.All(Enumerable.Range(0, 1000), _ => Assert.NotEqual("tie", annotator.Choose(0.5, 0.6, random)));
    }

    [Fact]
    public void Choose_SameSeedAndTask_IsTheSame()
    {
        var family = TaskFamilyRegistry.Find("question");
        var annotator = new SimulatedAnnotator();
        for (var i = 0UL; i < 50; i++)
        {
            var random = new Philox(1, i);
            var prompt = family.CreatePrompt(random);
            var a = family.CreateAnswer(prompt, random, 0.5);
            var b = family.CreateAnswer(prompt, random, 0.5);
            Assert.Equal(annotator.Choose(prompt, a, b, 5, i), annotator.Choose(prompt, a, b, 5, i));
            Assert.Equal(annotator.Choose(prompt, a, b, new Philox(5, i)), annotator.Choose(prompt, a, b, 5, i));
        }
    }

    [Fact]
    public void Choose_LargeBeta_PicksTheBetterAnswer()
    {
        var family = TaskFamilyRegistry.Find("story");
        var annotator = new SimulatedAnnotator(beta: 1000, tieRate: 0);
        for (var i = 0UL; i < 100; i++)
        {
            var random = new Philox(2, i);
            var prompt = family.CreatePrompt(random);
            var good = family.CreateAnswer(prompt, random, 1);
            var bad = family.CreateFailure(prompt, random, "omits-word");
            Assert.Equal("b", annotator.Choose(prompt, bad, good, random));
        }
    }

    [Fact]
    public void ExpectedAccuracy_TwoPairs_IsTheirMean()
    {
        // σ(8·0.5) = 0.98201 and σ(8·0.1) = 0.68997; the equal pair has no right answer.
        var annotator = new SimulatedAnnotator(beta: 8, tieRate: 0);
        Assert.Equal((0.98201 + 0.68997) / 2, annotator.ExpectedAccuracy([(0.2, 0.7), (0.6, 0.5), (0.4, 0.4)]), 4);
        Assert.True(double.IsNaN(annotator.ExpectedAccuracy([(1, 1)])));
    }

    [Fact]
    public void ExpectedAccuracy_Simulated_IsMet()
    {
        const int trials = 40_000;
        var annotator = new SimulatedAnnotator(beta: 3);
        var random = new Philox(5);
        var pairs = Enumerable.Range(0, trials).Select(_ => (A: random.NextDouble(), B: random.NextDouble())).ToArray();
        var decided = pairs.Select(p => (p, Choice: annotator.Choose(p.A, p.B, random))).Where(x => x.Choice != "tie").ToArray();
        var right = (double)decided.Count(x => x.Choice == (x.p.A > x.p.B ? "a" : "b")) / decided.Length;
        // Five standard errors are at most 5·sqrt(0.25/decided) ≈ 0.0128.
        Assert.Equal(annotator.ExpectedAccuracy(pairs), right, 0.0128);
    }

    [Theory]
    [InlineData(-1, 0.5, 0.1)]
    [InlineData(double.PositiveInfinity, 0.5, 0.1)]
    [InlineData(1, 1.5, 0.1)]
    [InlineData(1, double.NaN, 0.1)]
    [InlineData(1, 0.5, -0.1)]
    public void Constructor_OutsideRange_Throws(double beta, double tieRate, double tieMargin) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new SimulatedAnnotator(beta, tieRate, tieMargin));
}
