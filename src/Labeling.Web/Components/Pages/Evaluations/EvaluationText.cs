using System.Globalization;
using Labeling.Web.Features.Evaluations;
using Rlhf.Data.Entities;

namespace Labeling.Web.Components.Pages.Evaluations;

/// <summary>Results as they are shown.</summary>
internal static class EvaluationText
{
    /// <summary>Three decimals, fewer for large numbers; "–" for none.</summary>
    public static string Number(double value) =>
        double.IsNaN(value) ? "–" : value.ToString(Math.Abs(value) >= 100 ? "F1" : "F3", CultureInfo.InvariantCulture);

    /// <summary>A rating without decimals.</summary>
    public static string Rating(double value) => value.ToString("F0", CultureInfo.InvariantCulture);

    /// <summary>"0.412 – 0.593 (25)"; without an interval only the count.</summary>
    public static string Interval(EvaluationResult result) =>
        (result is { Low: { } low, High: { } high } ? $"{Number(low)} – {Number(high)} " : "") + $"({result.Count})";

    /// <summary>How it was measured, and against which policy.</summary>
    public static string Variant(EvaluationRow row) =>
        row.BaselineVersion is { } version ? $"{row.Result.Variant}, against v{version}" : row.Result.Variant;
}
