using Microsoft.EntityFrameworkCore;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Labeling.Web.Features.Labeling;

/// <summary>How far a project is from its next reward model, and what the annotator did.</summary>
public sealed class ProgressQuery(IDbContextFactory<AppDbContext> contexts, TimeProvider time)
{
    /// <summary>The numbers of the comparison page's header.</summary>
    public async Task<LabelingProgress> GetAsync(Guid projectId, Guid annotatorId, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var midnight = new DateTimeOffset(time.GetUtcNow().UtcDateTime.Date, TimeSpan.Zero);
        var project = await db.Projects.AsNoTracking().SingleAsync(p => p.Id == projectId, cancellationToken);
        var standing = db.Judgments.Where(j => j.ProjectId == projectId && j.RetractedAt == null);
        var own = standing.Where(j => j.AnnotatorId == annotatorId);
        var cycle = await db.Cycles.AsNoTracking()
            .Where(c => c.ProjectId == projectId)
            .OrderByDescending(c => c.Number)
            .FirstOrDefaultAsync(cancellationToken);
        return new LabelingProgress(
            OwnJudgments: await own.CountAsync(cancellationToken),
            OwnToday: await own.CountAsync(j => j.CreatedAt >= midnight, cancellationToken),
            Collected: await Unused(db, standing).CountAsync(cancellationToken),
            Needed: project.JudgmentsPerCycle,
            OpenTasks: await db.ComparisonTasks.CountAsync(
                t => t.ProjectId == projectId && t.Status == ComparisonTaskStatuses.Open, cancellationToken),
            CycleStatus: cycle is not null && CycleStatuses.Unfinished.Contains(cycle.Status) ? cycle.Status : null,
            CycleNumber: cycle?.Number,
            AutoCycle: project.AutoCycle,
            Paused: project.PausedAt is not null,
            Waits: project.PausedAt is not null && cycle?.NextStage is not null);
    }

    /// <summary>Judgments that no cycle has taken yet: what the planner counts.</summary>
    internal static IQueryable<Judgment> Unused(AppDbContext db, IQueryable<Judgment> standing) =>
        standing.Where(j => j.CycleId == null && !db.ComparisonTasks.Any(t => t.Id == j.TaskId && t.EvaluationRunId != null));
}
