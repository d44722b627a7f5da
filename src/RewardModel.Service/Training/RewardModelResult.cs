using System.Text.Json;
using Rlhf.Contracts.Training;
using Rlhf.Numerics;
using Rlhf.Training.Evaluation;
using Rlhf.Training.Metrics;

namespace RewardModel.Service.Training;

/// <summary>What a reward-model run gives besides the weights.</summary>
/// <param name="History">All reports, member after member.</param>
/// <param name="ScoreBiases">For each member the mean score that is now subtracted.</param>
/// <param name="HeldOut">The finished model on the held-out rankings: of an ensemble, the mean of its members.</param>
/// <param name="Calibration">How far its probabilities can be believed; null without held-out comparisons that are not ties.</param>
public sealed record RewardModelResult(
    IReadOnlyList<TrainingProgress> History, IReadOnlyList<double> ScoreBiases, RewardModelEvaluation HeldOut, RewardCalibration? Calibration)
{
    /// <summary>The file of a reward model's directory that says how it was calibrated.</summary>
    public const string CalibrationFile = "calibration.json";

    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>What is measured once, after the last step.</summary>
    public IReadOnlyDictionary<string, double> Metrics()
    {
        var metrics = new Dictionary<string, double>(StringComparer.Ordinal) { [MetricNames.RewardBias] = ScoreBiases[0] };
        if (HeldOut.Decided > 0)
        {
            // Of an ensemble the last report shows the last member only; these are its mean's.
            HeldOut.Report(metrics);
        }

        if (Calibration is { } calibration)
        {
            metrics[CalibrationNames.Temperature] = calibration.Temperature;
            metrics[CalibrationNames.Ece] = calibration.Before.Ece;
            metrics[CalibrationNames.CalibratedEce] = calibration.After.Ece;
            metrics[MetricNames.RewardBrier] = calibration.Before.Brier;
            foreach (var bin in calibration.Before.Bins)
            {
                var name = CalibrationNames.Bin(bin.Low, bin.High);
                metrics[CalibrationNames.AccuracyPrefix + name] = bin.Accuracy;
                metrics[CalibrationNames.ConfidencePrefix + name] = bin.MeanProbability;
                metrics[CalibrationNames.CountPrefix + name] = bin.Count;
            }
        }

        return metrics;
    }

    /// <summary>The text of <see cref="CalibrationFile"/>: accuracy, agreement of people, temperature, and both reliability diagrams.</summary>
    /// <returns>JSON; null without calibration.</returns>
    public string? CalibrationJson() => Calibration is null
        ? null
        : JsonSerializer.Serialize(
            new
            {
                HeldOut.Decided,
                Accuracy = HeldOut.Accuracy.Value,
                AccuracyLow = HeldOut.Accuracy.Low,
                AccuracyHigh = HeldOut.Accuracy.High,
                HeldOut.HumanAgreement,
                Calibration.Temperature,
                Calibration.Before,
                Calibration.After,
            },
            Json) + "\n";

    /// <summary>Files that belong beside the weights.</summary>
    public IReadOnlyDictionary<string, string> Files() =>
        CalibrationJson() is { } json ? new Dictionary<string, string> { [CalibrationFile] = json } : new Dictionary<string, string>();
}

/// <summary>A reward model on held-out rankings.</summary>
/// <param name="Loss">Mean loss without margins, weights and centring, ties included; NaN without rankings.</param>
/// <param name="Accuracy">Share of comparisons, not ties, on which the model agrees, with its 95 % Wilson interval.</param>
/// <param name="Decided">How many comparisons were not ties.</param>
/// <param name="HumanAgreement">The share on which another annotator would agree, from labels that several people gave; null where there are none.</param>
public sealed record RewardModelEvaluation(double Loss, Interval Accuracy, int Decided, double? HumanAgreement)
{
    internal static RewardModelEvaluation Nothing => new(double.NaN, Statistics.Wilson(0, 0), 0, null);

    internal void Report(IDictionary<string, double> metrics)
    {
        metrics[MetricNames.RewardEvaluationLoss] = Loss;
        if (Decided > 0)
        {
            metrics[MetricNames.RewardEvaluationAccuracy] = Accuracy.Value;
            metrics[MetricNames.RewardEvaluationAccuracyLow] = Accuracy.Low;
            metrics[MetricNames.RewardEvaluationAccuracyHigh] = Accuracy.High;
        }

        if (HumanAgreement is { } human)
        {
            metrics[MetricNames.RewardHumanAgreement] = human;
        }
    }
}
