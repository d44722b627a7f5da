using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Data.Entities;

namespace Rlhf.Data.Lineage;

/// <summary>Takes back everything an annotator judged in a project, and marks what was trained on it.</summary>
public static class AnnotatorRetraction
{
    /// <summary>
    /// In one transaction (the caller's, if there is one): the annotator's standing judgments stop counting, comparison tasks that are short again open again, every checkpoint
    /// that descends from the judgments is tainted, and one <see cref="JudgmentsRetracted"/> tells about it. Where no judgment stands, nothing changes,
    /// so that calling it twice is harmless. A judgment the annotator makes later counts as any other.
    /// </summary>
    /// <param name="db">The context; saved here.</param>
    /// <param name="projectId">The project.</param>
    /// <param name="annotatorId">Whose judgments.</param>
    /// <param name="userId">Who takes them back; null for a program.</param>
    /// <param name="reason">Why, for the people who meet a tainted checkpoint.</param>
    /// <param name="requeue">Whether the cycles that counted them are to be run again without them.</param>
    /// <param name="cancellationToken">Cancels; nothing is changed then.</param>
    public static async Task<RetractionResult> RetractAsync(
        AppDbContext db, Guid projectId, Guid annotatorId, Guid? userId, string reason, bool requeue, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(db);
        ArgumentException.ThrowIfNullOrWhiteSpace(reason);
        await using var transaction = db.Database.CurrentTransaction is null ? await db.Database.BeginTransactionAsync(cancellationToken) : null;
        await CheckpointTaint.LockAsync(db, projectId, cancellationToken);
        var now = DateTimeOffset.UtcNow;
        var standing = db.Judgments.Where(j => j.ProjectId == projectId && j.AnnotatorId == annotatorId && j.RetractedAt == null);

        // Tasks are locked before judgments, as everybody does who judges or takes back.
        await db.ComparisonTasks
            .Where(t => standing.Any(j => j.TaskId == t.Id))
            .ExecuteUpdateAsync(set => set.SetProperty(t => t.JudgmentCount, t => t.JudgmentCount), cancellationToken);
        var retracted = await standing.ExecuteUpdateAsync(set => set.SetProperty(j => j.RetractedAt, now), cancellationToken);
        if (retracted == 0)
        {
            return new RetractionResult(0, 0, 0);
        }

        var gone = db.Judgments.Where(j => j.ProjectId == projectId && j.AnnotatorId == annotatorId && j.RetractedAt == now);
        var reopened = await CorrectTasksAsync(db, projectId, gone, cancellationToken);
        var tainted = await TaintAsync(db, gone, now, await ReasonAsync(db, annotatorId, reason, cancellationToken), cancellationToken);
        OutboxWriter.Add(db, new JudgmentsRetracted { ProjectId = projectId, AnnotatorId = annotatorId, UserId = userId, Requeue = requeue });
        await db.SaveChangesAsync(cancellationToken);
        if (transaction is not null)
        {
            await transaction.CommitAsync(cancellationToken);
        }

        return new RetractionResult(retracted, reopened, tainted);
    }

    private static async Task<int> CorrectTasksAsync(AppDbContext db, Guid projectId, IQueryable<Judgment> gone, CancellationToken cancellationToken)
    {
        // One standing judgment a task and annotator is all that there can be.
        var tasks = db.ComparisonTasks.Where(t => gone.Any(j => j.TaskId == t.Id));
        await tasks.ExecuteUpdateAsync(set => set.SetProperty(t => t.JudgmentCount, t => t.JudgmentCount - 1), cancellationToken);
        var wanted = await db.Projects.Where(p => p.Id == projectId).Select(p => p.JudgmentsPerTask).SingleAsync(cancellationToken);
        return await tasks
            .Where(t => t.Status == ComparisonTaskStatuses.Done && t.JudgmentCount < wanted)
            .ExecuteUpdateAsync(set => set.SetProperty(t => t.Status, ComparisonTaskStatuses.Open), cancellationToken);
    }

    private static async Task<int> TaintAsync(AppDbContext db, IQueryable<Judgment> gone, DateTimeOffset now, string reason, CancellationToken cancellationToken)
    {
        var runs = await db.RunJudgments.Where(r => gone.Any(j => j.Id == r.JudgmentId)).Select(r => r.RunId).Distinct().ToListAsync(cancellationToken);
        if (runs.Count == 0)
        {
            return 0;
        }

        var graph = await CheckpointGraph.LoadAsync(db, cancellationToken);
        var descendants = graph.Descendants(graph.PublishedBy(runs.ToHashSet()));

        // The first reason stays.
        return await db.Checkpoints
            .Where(c => descendants.Contains(c.Id) && c.TaintedAt == null)
            .ExecuteUpdateAsync(set => set.SetProperty(c => c.TaintedAt, now).SetProperty(c => c.TaintReason, reason), cancellationToken);
    }

    private static async Task<string> ReasonAsync(AppDbContext db, Guid annotatorId, string reason, CancellationToken cancellationToken)
    {
        var name = await db.Users.Where(u => u.Id == annotatorId).Select(u => u.UserName).SingleOrDefaultAsync(cancellationToken);
        return $"The judgments of {name ?? annotatorId.ToString()} were taken back: {reason}";
    }
}
