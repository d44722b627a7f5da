using System.Globalization;
using Labeling.Web.Features.Runs;
using Microsoft.AspNetCore.Components;

namespace Labeling.Web.Components.Controls;

/// <summary>A reliability diagram (Guo et al. 2017, figure 1) with its expected calibration error, and the same numbers as a table.</summary>
public sealed partial class ReliabilityDiagram
{
    private const double Width = 360, Height = 230, Left = 34, Right = 10, Top = 8, Bottom = 36, Gap = 2;

    [Parameter, EditorRequired]
    public required Calibration Calibration { get; set; }

    private static IEnumerable<double> Ticks => [0, 0.25, 0.5, 0.75, 1];

    // The side a model prefers has a probability of a half at least.
    private double Start => Calibration.Bins[0].Low >= 0.499 ? 0.5 : 0;

    private IEnumerable<double> Edges => Enumerable.Range(0, 11).Select(i => i / 10.0).Where(edge => edge >= Start - 1e-9);

    private string Summary =>
        $"Reliability of the reward model: expected calibration error {Number(Calibration.Ece)}. "
        + string.Join("; ", Calibration.Bins.Select(b => $"where it is {Number(b.Confidence)} sure, people agree on {Number(b.Accuracy)} of {b.Count}")) + ".";

    private static double Y(double share) => Top + ((1 - share) * (Height - Top - Bottom));

    private static string Px(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    private static string Share(double value) => value.ToString("0.0#", CultureInfo.InvariantCulture);

    private static string Number(double value) => double.IsFinite(value) ? value.ToString("0.000", CultureInfo.InvariantCulture) : "–";

    private double X(double probability) => Left + ((probability - Start) / (1 - Start) * (Width - Left - Right));
}
