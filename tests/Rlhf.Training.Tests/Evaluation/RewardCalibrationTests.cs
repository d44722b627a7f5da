using Rlhf.Numerics;
using Rlhf.TestSupport;
using Rlhf.Training.Evaluation;

namespace Rlhf.Training.Tests.Evaluation;

/// <summary>Calibration against reference numbers and hand calculations; ensembles.</summary>
public sealed class RewardCalibrationTests
{
    [Fact]
    [Trait("Category", "Parity")]
    public void Measure_FixtureComparisons_GivesStatedBinsAndErrors()
    {
        var calibration = JsonFixture.Load("fixtures", "algorithms", "reward_losses.json").GetProperty("calibration");

        var report = CalibrationReport.Measure(
            calibration.GetProperty("score_difference").Numbers(), [.. calibration.GetProperty("first_was_chosen").Numbers().Select(n => n == 1)]);

        Assert.Equal(calibration.GetProperty("ece").GetDouble(), report.Ece, 1e-12);
        Assert.Equal(calibration.GetProperty("brier").GetDouble(), report.Brier, 1e-12);
        Assert.Equal(calibration.GetProperty("nll").GetDouble(), report.Nll, 1e-12);
        var bins = calibration.GetProperty("bins").EnumerateArray().ToArray();
        Assert.Equal(bins.Length, report.Bins.Count);
        foreach (var (expected, bin) in bins.Zip(report.Bins))
        {
            Assert.Equal(expected.GetProperty("bin").GetInt32() / 10.0, bin.Low, 1e-12);
            Assert.Equal(expected.GetProperty("count").GetInt32(), bin.Count);
            Assert.Equal(expected.GetProperty("mean_probability").GetDouble(), bin.MeanProbability, 1e-12);
            Assert.Equal(expected.GetProperty("accuracy").GetDouble(), bin.Accuracy, 1e-12);
        }
    }

    // Three of four right at |d| = 2: the best probability is ¾ = σ(log 3), so T = 2/log 3.
    [Fact]
    public void FitTemperature_ThreeOfFourRight_IsTheHandCalculation() =>
        Assert.Equal(2 / Math.Log(3), RewardCalibration.FitTemperature([2, 2, 2, -2]), 1e-9);

    [Theory]
    [InlineData(0.01, 1.0, 2.0)]
    [InlineData(100, -1.0, -2.0)]
    public void FitTemperature_AlwaysRightOrWrong_StaysWithinBounds(double expected, params double[] differences) =>
        Assert.Equal(expected, RewardCalibration.FitTemperature(differences), 1e-9);

    // People follow σ(d), the model says 4·d: it is four times too sure.
    [Fact]
    public void Fit_OverconfidentModel_IsCalibratedByItsTemperature()
    {
        var random = new Philox(3);
        var differences = Enumerable.Range(0, 4000).Select(_ =>
        {
            var d = Math.Abs(random.NextNormal());
            return 4 * (random.Chance(1 / (1 + Math.Exp(-d))) ? d : -d);
        }).ToArray();

        var calibration = RewardCalibration.Fit(differences);

        Assert.InRange(calibration.Temperature, 3.6, 4.4);
        Assert.True(calibration.Before.Ece > 0.15 && calibration.After.Ece < 0.04, $"{calibration.Before.Ece} → {calibration.After.Ece}");
        Assert.True(calibration.After.Nll < calibration.Before.Nll);
    }

    [Fact]
    public void Combine_TwoMembers_IsMeanLessDeviations()
    {
        // Means 2 and 1, deviations 1 and 0: 2 − 0.5·1 and 1.
        var scores = RewardEnsemble.Combine([[1, 1], [3, 1]], penalty: 0.5);

        Assert.Equal([2, 1], scores.Means);
        Assert.Equal([1, 0], scores.Uncertainties);
        Assert.Equal([1.5f, 1], scores.Scores);
    }
}
