using System.Text;
using Labeling.Web.Features.Projects;
using Labeling.Web.Security;
using Rlhf.Numerics;

namespace Labeling.Web.Features.Evaluations;

/// <summary>A result as it is exported.</summary>
/// <param name="RunId">The evaluation.</param>
/// <param name="CheckpointId">The checkpoint it is about.</param>
/// <param name="Version">Its version.</param>
/// <param name="BaselineVersion">The version it was compared with; null where it was measured alone.</param>
/// <param name="Task">The suite or task family.</param>
/// <param name="Variant">How it was measured.</param>
/// <param name="Metric">What was measured.</param>
/// <param name="Value">The number.</param>
/// <param name="Low">Lower end of its 95 % interval; null where it has none.</param>
/// <param name="High">Upper end.</param>
/// <param name="Count">Questions, documents or pairs behind it.</param>
/// <param name="Seed">The run's seed.</param>
/// <param name="CreatedAt">When it was stored (UTC).</param>
public sealed record ExportedResult(
    Guid RunId, Guid CheckpointId, int Version, int? BaselineVersion, string Task, string Variant, string Metric,
    double Value, double? Low, double? High, int Count, long Seed, DateTimeOffset CreatedAt);

/// <summary>The files that the evaluations page offers, for the browser's session.</summary>
internal static class EvaluationEndpoints
{
    public static void MapEvaluationFiles(this WebApplication app) =>
        app.MapGet("/projects/{slug}/evaluations.{format:regex(^(csv|json)$)}", async (
            string slug, string format, ProjectCatalog projects, EvaluationCatalog evaluations, CancellationToken cancellationToken) =>
            await projects.FindAsync(slug, cancellationToken) is { } project
                ? File(format, await evaluations.ListAsync(project.Id, cancellationToken: cancellationToken), $"evaluations-{slug}.{format}")
                : Results.NotFound()).RequireAuthorization(Policies.Engineer);

    /// <summary>All results as a file, or, without a name, as a body.</summary>
    public static IResult File(string format, IReadOnlyList<EvaluationRow> rows, string? name = null) => format == "csv"
        ? Results.File(Encoding.UTF8.GetBytes(Csv(rows)), "text/csv; charset=utf-8", name)
        : name is null ? Results.Json(rows.Select(Export)) : Results.File(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(rows.Select(Export), System.Text.Json.JsonSerializerOptions.Web), "application/json", name);

    private static ExportedResult Export(EvaluationRow row)
    {
        var r = row.Result;
        return new(r.RunId, r.CheckpointId, row.CheckpointVersion, row.BaselineVersion, r.Task, r.Variant, r.Metric, r.Value, r.Low, r.High, r.Count, r.Seed, r.CreatedAt);
    }

    private static string Csv(IEnumerable<EvaluationRow> rows) => CsvTable.Write(
        ["run_id", "checkpoint_id", "version", "baseline_version", "task", "variant", "metric", "value", "low", "high", "count", "seed", "created_at"],
        rows.Select(Export).Select(e => (IReadOnlyList<object?>)
        [
            e.RunId, e.CheckpointId, e.Version, e.BaselineVersion, e.Task, e.Variant, e.Metric, e.Value, e.Low, e.High, e.Count, e.Seed,
            e.CreatedAt.UtcDateTime.ToString("O", System.Globalization.CultureInfo.InvariantCulture),
        ]));
}
