using RewardModel.Service.Training;
using Rlhf.Contracts.Training;
using Rlhf.Numerics;
using Rlhf.Training.Evaluation;

namespace RewardModel.Service.Tests.Training;

public sealed class RewardModelResultTests
{
    // |d| = 2 four times, three of them right: one bin from 0.8 to 0.9, in which the model says σ(2) = 0.8808 and people agree on 0.75; |d| = 0.2 twice, both right: σ(0.2) = 0.5498.
    [Fact]
    public void Metrics_Calibration_HasEveryBinWithItsCountAndItsMeanProbability()
    {
        var calibration = RewardCalibration.Fit([2, 2, 2, -2, 0.2, 0.2]);
        var metrics = new RewardModelResult([], [0], new RewardModelEvaluation(0.5, Statistics.Wilson(5, 6), 6, null), calibration).Metrics();

        Assert.Equal((0.75, 4), (metrics["eval/reward/reliability/85"], metrics["eval/reward/reliability_count/85"]));
        Assert.Equal(1 / (1 + Math.Exp(-2)), metrics["eval/reward/reliability_confidence/85"], 1e-12);
        Assert.Equal((1, 2), (metrics["eval/reward/reliability/55"], metrics["eval/reward/reliability_count/55"]));
        Assert.Equal(1 / (1 + Math.Exp(-0.2)), metrics["eval/reward/reliability_confidence/55"], 1e-12);
        Assert.Equal(6, metrics.Count(m => m.Key.StartsWith(CalibrationNames.BinPrefix, StringComparison.Ordinal)));

        // 4/6 · (0.8808 − 0.75) + 2/6 · (1 − 0.5498) = 0.0872 + 0.1501
        Assert.Equal(0.2373, metrics[CalibrationNames.Ece], 1e-4);
    }
}
