using System.Globalization;

namespace Rlhf.Contracts.Training;

/// <summary>
/// The names of a reward model's calibration among the metrics of its run: the run writes them, the console draws them. A bin of the reliability diagram
/// (Guo et al. 2017, figure 1) is named by the middle of its probabilities in percent: "55" holds those from 0.5 to 0.6.
/// </summary>
public static class CalibrationNames
{
    /// <summary>The temperature T with which σ(difference / T) can be believed.</summary>
    public const string Temperature = "eval/reward/temperature";

    /// <summary>Expected calibration error of held-out probabilities as they are.</summary>
    public const string Ece = "eval/reward/ece";

    /// <summary>The same with the temperature, cross-fitted.</summary>
    public const string CalibratedEce = "eval/reward/ece_calibrated";

    /// <summary>What the names of all bins begin with.</summary>
    public const string BinPrefix = "eval/reward/reliability";

    /// <summary>Under this prefix and a bin: the share of its comparisons on which people agree with the model.</summary>
    public const string AccuracyPrefix = BinPrefix + "/";

    /// <summary>Under this prefix and a bin: the mean probability that the model gives its side.</summary>
    public const string ConfidencePrefix = BinPrefix + "_confidence/";

    /// <summary>Under this prefix and a bin: its comparisons.</summary>
    public const string CountPrefix = BinPrefix + "_count/";

    /// <summary>The name of a bin.</summary>
    /// <param name="low">Its least probability.</param>
    /// <param name="high">Its upper end.</param>
    public static string Bin(double low, double high) => ((low + high) * 50).ToString("00", CultureInfo.InvariantCulture);
}
