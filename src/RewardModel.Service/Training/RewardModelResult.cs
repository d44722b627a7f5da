using Rlhf.Numerics;
using Rlhf.Training.Metrics;

namespace RewardModel.Service.Training;

/// <summary>What a reward-model run gives besides the weights.</summary>
/// <param name="History">All reports.</param>
/// <param name="ScoreBias">The mean score that is now subtracted.</param>
/// <param name="HeldOut">The finished model on the held-out comparisons.</param>
public sealed record RewardModelResult(IReadOnlyList<TrainingProgress> History, double ScoreBias, RewardModelEvaluation HeldOut);

/// <summary>A reward model on held-out comparisons.</summary>
/// <param name="Loss">Mean Bradley–Terry loss, ties included; NaN without comparisons.</param>
/// <param name="Accuracy">Share of comparisons, not ties, on which the model agrees, with its 95 % Wilson interval.</param>
/// <param name="Decided">How many comparisons were not ties.</param>
public sealed record RewardModelEvaluation(double Loss, Interval Accuracy, int Decided)
{
    internal void Report(Dictionary<string, double> metrics)
    {
        metrics[MetricNames.RewardEvaluationLoss] = Loss;
        if (Decided > 0)
        {
            metrics[MetricNames.RewardEvaluationAccuracy] = Accuracy.Value;
            metrics[MetricNames.RewardEvaluationAccuracyLow] = Accuracy.Low;
            metrics[MetricNames.RewardEvaluationAccuracyHigh] = Accuracy.High;
        }
    }
}
