namespace Rlhf.Training.Evaluation;

/// <summary>
/// Whether a reward model's probabilities can be believed, and the temperature that makes them so (Guo et al. 2017, "On calibration of modern
/// neural networks"): of the comparisons it is 80 % sure of, people should agree with 80 %.
/// </summary>
/// <param name="Temperature">T in P = σ(d/T), fitted by maximum likelihood on all comparisons.</param>
/// <param name="Before">The model as it is, T = 1.</param>
/// <param name="After">With T; each half of the comparisons judged with the T of the other half, so that nothing is judged by what was fitted to it.</param>
public sealed record RewardCalibration(double Temperature, CalibrationReport Before, CalibrationReport After)
{
    private const double LargestTemperature = 100;

    /// <summary>Fits the temperature and measures before and after.</summary>
    /// <param name="differences">Score of the preferred less score of the other completion; at least one.</param>
    public static RewardCalibration Fit(IReadOnlyList<double> differences)
    {
        ArgumentNullException.ThrowIfNull(differences);
        double[] even = [.. differences.Where((_, i) => i % 2 == 0)], odd = [.. differences.Where((_, i) => i % 2 == 1)];
        var (forEven, forOdd) = odd.Length == 0 ? (1.0, 1.0) : (FitTemperature(odd), FitTemperature(even));
        return new RewardCalibration(
            FitTemperature(differences),
            CalibrationReport.OfPreferences(differences),
            CalibrationReport.OfPreferences([.. even.Select(d => d / forEven), .. odd.Select(d => d / forOdd)]));
    }

    /// <summary>The T in [0.01, 100] at which −Σ log σ(d/T) is least.</summary>
    /// <param name="differences">Score of the preferred less score of the other completion; at least one.</param>
    public static double FitTemperature(IReadOnlyList<double> differences)
    {
        ArgumentNullException.ThrowIfNull(differences);

        // Convex in β = 1/T, so its slope −mean(d·σ(−β·d)) crosses zero at most once.
        var (low, high) = (1 / LargestTemperature, LargestTemperature);
        for (var i = 0; i < 100; i++)
        {
            var beta = Math.Sqrt(low * high);
            (low, high) = differences.Average(d => d / (1 + Math.Exp(beta * d))) > 0 ? (beta, high) : (low, beta);
        }

        return 1 / Math.Sqrt(low * high);
    }
}

/// <summary>How stated probabilities compare with what happened.</summary>
/// <param name="Count">Comparisons.</param>
/// <param name="Nll">Mean −log probability of what happened, nats.</param>
/// <param name="Brier">Mean squared difference between probability and outcome (Brier 1950).</param>
/// <param name="Ece">Expected calibration error: Σ over bins of share · |mean probability − accuracy| (Naeini et al. 2015).</param>
/// <param name="Bins">The reliability diagram: ten equal bins of the probability, those without comparisons left out.</param>
public sealed record CalibrationReport(int Count, double Nll, double Brier, double Ece, IReadOnlyList<ReliabilityBin> Bins)
{
    private const int BinCount = 10;

    /// <summary>Of probabilities σ(difference) that the first of two completions is preferred.</summary>
    /// <param name="differences">Score of the first less score of the second completion.</param>
    /// <param name="firstWasChosen">What people said.</param>
    public static CalibrationReport Measure(IReadOnlyList<double> differences, IReadOnlyList<bool> firstWasChosen)
    {
        ArgumentNullException.ThrowIfNull(differences);
        ArgumentNullException.ThrowIfNull(firstWasChosen);
        var rows = differences.Zip(firstWasChosen, (d, chosen) => (Difference: d, Probability: 1 / (1 + Math.Exp(-d)), Outcome: chosen ? 1.0 : 0.0)).ToArray();
        var bins = rows
            .GroupBy(r => Math.Min(BinCount - 1, (int)(r.Probability * BinCount)))
            .OrderBy(g => g.Key)
            .Select(g => new ReliabilityBin(g.Key / (double)BinCount, (g.Key + 1) / (double)BinCount, g.Count(), g.Average(r => r.Probability), g.Average(r => r.Outcome)))
            .ToArray();
        return new CalibrationReport(
            rows.Length,
            rows.Average(r => SoftPlus(r.Outcome == 1 ? -r.Difference : r.Difference)),
            rows.Average(r => (r.Probability - r.Outcome) * (r.Probability - r.Outcome)),
            bins.Sum(b => b.Count / (double)rows.Length * Math.Abs(b.MeanProbability - b.Accuracy)),
            bins);
    }

    /// <summary>Of the side the model prefers: probabilities are at least ½, and the outcome is whether people prefer it too.</summary>
    /// <param name="differences">Score of the preferred less score of the other completion.</param>
    public static CalibrationReport OfPreferences(IReadOnlyList<double> differences) =>
        Measure([.. differences.Select(Math.Abs)], [.. differences.Select(d => d > 0)]);

    // log(1 + e^x) without overflow.
    private static double SoftPlus(double x) => Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x)));
}

/// <summary>One bar of a reliability diagram.</summary>
/// <param name="Low">Least probability of the bin.</param>
/// <param name="High">Its upper end.</param>
/// <param name="Count">Comparisons in it.</param>
/// <param name="MeanProbability">What the model says about them.</param>
/// <param name="Accuracy">Share in which it came true.</param>
public sealed record ReliabilityBin(double Low, double High, int Count, double MeanProbability, double Accuracy);
