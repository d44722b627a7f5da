using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Rlhf.Numerics;
using Rlhf.Training.Evaluation;
using Spectre.Console;

namespace Rlhf.Cli.Commands;

/// <summary>The results of one evaluation with what they were measured on.</summary>
internal sealed record EvaluationReport(string Model, string? Against, string? RewardModel, ulong Seed, EvaluationConfig Config, IReadOnlyList<EvaluationMeasure> Results);

/// <summary>Writes results as a table, JSON or CSV.</summary>
internal static class EvaluationExport
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>"json" or "csv" by the end of a file's name; null for any other.</summary>
    public static string? FormatOf(string file) => Path.GetExtension(file).ToLowerInvariant() switch { ".json" => "json", ".csv" => "csv", _ => null };

    public static byte[] Bytes(EvaluationReport report, string format) =>
        Encoding.UTF8.GetBytes(format == "csv" ? Csv(report.Results) : Json(report) + "\n");

    public static string Json(EvaluationReport report) => JsonSerializer.Serialize(report, Options);

    private static string Csv(IEnumerable<EvaluationMeasure> measures) => CsvTable.Write(
        ["task", "variant", "metric", "value", "low", "high", "count"],
        measures.Select(m => (IReadOnlyList<object?>)[m.Task, m.Variant, m.Metric, m.Value, m.Low, m.High, m.Count]));

    public static Table Table(IReadOnlyList<EvaluationMeasure> measures)
    {
        var table = new Table().RoundedBorder().AddColumn("task").AddColumn("variant").AddColumn("metric")
            .AddColumn(new TableColumn("value").RightAligned()).AddColumn(new TableColumn("95 % interval").RightAligned()).AddColumn(new TableColumn("n").RightAligned());
        foreach (var m in measures)
        {
            table.AddRow(
                Markup.Escape(m.Task), Markup.Escape(m.Variant), Markup.Escape(m.Metric), Number(m.Value),
                m is { Low: { } low, High: { } high } ? $"{Number(low)} – {Number(high)}" : "", m.Count.ToString(CultureInfo.InvariantCulture));
        }

        return table;
    }

    private static string Number(double value) => value.ToString(Math.Abs(value) >= 100 ? "F1" : "F3", CultureInfo.InvariantCulture);
}
