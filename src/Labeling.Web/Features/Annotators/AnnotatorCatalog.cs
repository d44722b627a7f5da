using Labeling.Web.Live;
using Microsoft.EntityFrameworkCore;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Data.Lineage;

namespace Labeling.Web.Features.Annotators;

/// <summary>What one annotator judged in a project.</summary>
/// <param name="AnnotatorId">Who.</param>
/// <param name="Name">Shown name.</param>
/// <param name="Standing">Judgments that count.</param>
/// <param name="Counted">How many of them a cycle has counted.</param>
/// <param name="Ties">How many of them say "about the same".</param>
/// <param name="Retracted">Judgments taken back, by the annotator or by somebody else.</param>
/// <param name="Last">When the last one was made.</param>
public sealed record AnnotatorRow(Guid AnnotatorId, string Name, int Standing, int Counted, int Ties, int Retracted, DateTimeOffset? Last);

/// <summary>What taking an annotator's judgments back would do.</summary>
/// <param name="Judgments">Judgments that would stop counting.</param>
/// <param name="Checkpoints">Checkpoints that would be marked, newest first.</param>
/// <param name="FirstCycle">The first cycle that counted one of them; null: none has.</param>
public sealed record RetractionPreview(int Judgments, IReadOnlyList<Checkpoint> Checkpoints, int? FirstCycle);

/// <summary>Reads who judged what in a project, and takes a person's judgments back.</summary>
public sealed class AnnotatorCatalog(IDbContextFactory<AppDbContext> contexts, ProjectNotifier notifier)
{
    /// <summary>Everybody who judged in the project, most judgments first. Imported judgments have no annotator.</summary>
    public async Task<IReadOnlyList<AnnotatorRow>> ListAsync(Guid projectId, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var rows = await db.Judgments.Where(j => j.ProjectId == projectId && j.AnnotatorId != null)
            .GroupBy(j => j.AnnotatorId!.Value)
            .Select(g => new
            {
                AnnotatorId = g.Key,
                Standing = g.Sum(j => j.RetractedAt == null ? 1 : 0),
                Counted = g.Sum(j => j.RetractedAt == null && j.CycleId != null ? 1 : 0),
                Ties = g.Sum(j => j.RetractedAt == null && j.Choice == Rlhf.Contracts.Labeling.Choices.Tie ? 1 : 0),
                All = g.Count(),
                Last = g.Max(j => j.CreatedAt),
            })
            .ToListAsync(cancellationToken);
        var people = rows.Select(r => r.AnnotatorId).ToList();
        var names = await db.Users.Where(u => people.Contains(u.Id)).ToDictionaryAsync(u => u.Id, u => u.DisplayName, cancellationToken);
        return
        [
            .. rows.Select(r => new AnnotatorRow(r.AnnotatorId, names.GetValueOrDefault(r.AnnotatorId, "?"), r.Standing, r.Counted, r.Ties, r.All - r.Standing, r.Last))
                .OrderByDescending(r => r.Standing).ThenBy(r => r.Name, StringComparer.CurrentCulture).ThenBy(r => r.AnnotatorId),
        ];
    }

    /// <summary>What <see cref="RetractAsync"/> would do now.</summary>
    public async Task<RetractionPreview> PreviewAsync(Guid projectId, Guid annotatorId, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var standing = db.Judgments.Where(j => j.ProjectId == projectId && j.AnnotatorId == annotatorId && j.RetractedAt == null);
        var descendants = await CheckpointLineage.DescendantsOfJudgmentsAsync(db, await standing.Select(j => j.Id).ToListAsync(cancellationToken), cancellationToken);
        return new RetractionPreview(
            await standing.CountAsync(cancellationToken),
            await db.Checkpoints.AsNoTracking().Where(c => descendants.Contains(c.Id)).OrderByDescending(c => c.CreatedAt).ToListAsync(cancellationToken),
            await db.Cycles.Where(c => standing.Any(j => j.CycleId == c.Id)).MinAsync(c => (int?)c.Number, cancellationToken));
    }

    /// <summary>Takes everything back that the annotator judged in the project; the planner hears of it.</summary>
    /// <param name="projectId">The project.</param>
    /// <param name="annotatorId">Whose judgments.</param>
    /// <param name="userId">Who takes them back.</param>
    /// <param name="reason">Why, for the people who meet a marked checkpoint.</param>
    /// <param name="requeue">Whether the cycles that counted them run again without them.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public async Task<RetractionResult> RetractAsync(
        Guid projectId, Guid annotatorId, Guid userId, string reason, bool requeue, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var result = await AnnotatorRetraction.RetractAsync(db, projectId, annotatorId, userId, reason, requeue, cancellationToken);
        notifier.Changed(projectId);
        return result;
    }
}
