using System.Globalization;
using Rlhf.Contracts.Training;

namespace Labeling.Web.Features.Runs;

/// <summary>How far the probabilities of a run's reward model can be believed.</summary>
/// <param name="Ece">Expected calibration error as it is.</param>
/// <param name="CalibratedEce">The same with the temperature, cross-fitted.</param>
/// <param name="Temperature">T in σ(difference / T).</param>
/// <param name="Bins">The reliability diagram, least probability first; bins without comparisons are left out.</param>
public sealed record Calibration(double Ece, double CalibratedEce, double Temperature, IReadOnlyList<CalibrationBin> Bins)
{
    private const double HalfBin = 0.05;

    /// <summary>From the run's last metrics; null where it measured no calibration.</summary>
    public static Calibration? Of(IReadOnlyDictionary<string, double> metrics)
    {
        var bins = metrics.Keys.Where(name => name.StartsWith(CalibrationNames.AccuracyPrefix, StringComparison.Ordinal))
            .Select(name => name[CalibrationNames.AccuracyPrefix.Length..])
            .Where(bin => metrics.ContainsKey(CalibrationNames.ConfidencePrefix + bin) && metrics.ContainsKey(CalibrationNames.CountPrefix + bin))
            .Select(bin => new CalibrationBin(
                (double.Parse(bin, CultureInfo.InvariantCulture) / 100) - HalfBin,
                (double.Parse(bin, CultureInfo.InvariantCulture) / 100) + HalfBin,
                (int)metrics[CalibrationNames.CountPrefix + bin],
                metrics[CalibrationNames.ConfidencePrefix + bin],
                metrics[CalibrationNames.AccuracyPrefix + bin]))
            .OrderBy(bin => bin.Low).ToList();
        return bins.Count > 0 && metrics.TryGetValue(CalibrationNames.Ece, out var ece)
            ? new Calibration(ece, metrics.GetValueOrDefault(CalibrationNames.CalibratedEce, double.NaN), metrics.GetValueOrDefault(CalibrationNames.Temperature, double.NaN), bins)
            : null;
    }
}

/// <summary>The held-out comparisons that a reward model is about as sure of.</summary>
/// <param name="Low">Least probability of the bin.</param>
/// <param name="High">Its upper end.</param>
/// <param name="Count">Comparisons in it.</param>
/// <param name="Confidence">Mean probability the model gives the side it prefers.</param>
/// <param name="Accuracy">Share on which people prefer that side.</param>
public sealed record CalibrationBin(double Low, double High, int Count, double Confidence, double Accuracy);
