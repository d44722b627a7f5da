using Labeling.Web.Live;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Data.Lineage;

namespace Labeling.Web.Features.Checkpoints;

/// <summary>A checkpoint in a list.</summary>
public sealed record CheckpointRow(Checkpoint Checkpoint, int? ParentVersion, string? RunKind, bool IsPolicy);

/// <summary>A checkpoint that another came from or became, with its project's address where it is another one.</summary>
public sealed record RelatedCheckpoint(Checkpoint Checkpoint, string ProjectSlug, string ProjectName, Guid? RunId, string? RunKind);

/// <summary>How many judgments of one person are in a checkpoint.</summary>
public sealed record ContributorRow(Guid? AnnotatorId, string? Name, int Judgments, int Retracted);

/// <summary>Where a checkpoint came from and what became of it.</summary>
public sealed record CheckpointView(
    Project Project, Checkpoint Checkpoint, bool IsPolicy, Run? Run, IReadOnlyList<RelatedCheckpoint> Ancestors,
    IReadOnlyList<RelatedCheckpoint> Descendants, IReadOnlyList<ContributorRow> Contributors);

/// <summary>Reads checkpoints for the pages, and pins and retires them.</summary>
public sealed class CheckpointCatalog(IDbContextFactory<AppDbContext> contexts, ProjectNotifier notifier, TimeProvider time)
{
    /// <summary>The checkpoints of a project, newest first.</summary>
    public async Task<IReadOnlyList<CheckpointRow>> ListAsync(Guid projectId, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var policy = await db.Projects.Where(p => p.Id == projectId).Select(p => p.PolicyCheckpointId).SingleAsync(cancellationToken);
        var rows = await (from checkpoint in db.Checkpoints.AsNoTracking()
                          where checkpoint.ProjectId == projectId
                          join run in db.Runs on checkpoint.RunId equals run.Id into runs
                          from run in runs.DefaultIfEmpty()
                          join parent in db.Checkpoints on checkpoint.ParentId equals parent.Id into parents
                          from parent in parents.DefaultIfEmpty()
                          orderby checkpoint.CreatedAt descending, checkpoint.Version descending
                          select new { checkpoint, Kind = run == null ? null : run.Kind, Parent = parent == null ? (int?)null : parent.Version }).ToListAsync(cancellationToken);
        return [.. rows.Select(r => new CheckpointRow(r.checkpoint, r.Parent, r.Kind, r.checkpoint.Id == policy))];
    }

    /// <summary>A checkpoint of this project with its lineage, or null.</summary>
    public async Task<CheckpointView?> FindAsync(Guid projectId, Guid checkpointId, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var checkpoint = await db.Checkpoints.AsNoTracking().SingleOrDefaultAsync(c => c.Id == checkpointId && c.ProjectId == projectId, cancellationToken);
        if (checkpoint is null)
        {
            return null;
        }

        var project = await db.Projects.AsNoTracking().SingleAsync(p => p.Id == projectId, cancellationToken);
        var graph = await CheckpointGraph.LoadAsync(db, cancellationToken);
        var contributors = await CheckpointLineage.AnnotatorsAsync(db, checkpointId, cancellationToken);
        var people = contributors.Select(c => c.AnnotatorId).OfType<Guid>().ToList();
        var names = await db.Users.Where(u => people.Contains(u.Id)).ToDictionaryAsync(u => u.Id, u => u.DisplayName, cancellationToken);
        return new CheckpointView(
            project,
            checkpoint,
            checkpoint.Id == project.PolicyCheckpointId,
            await db.Runs.AsNoTracking().SingleOrDefaultAsync(r => r.Id == checkpoint.RunId, cancellationToken),
            await RelatedAsync(db, [.. graph.Ancestors(checkpointId).Skip(1).Select(a => a.Id)], cancellationToken),
            await RelatedAsync(db, [.. graph.Descendants([checkpointId]).Skip(1)], cancellationToken),
            [.. contributors.Select(c => new ContributorRow(c.AnnotatorId, c.AnnotatorId is { } id ? names.GetValueOrDefault(id) : null, c.Judgments, c.Retracted))]);
    }

    /// <summary>Keeps a checkpoint's files whatever the retention says, or lets them go by its rules.</summary>
    public async Task SetPinnedAsync(Guid projectId, Guid checkpointId, bool pinned, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        DateTimeOffset? since = pinned ? time.GetUtcNow() : null;
        await db.Checkpoints.Where(c => c.Id == checkpointId && c.ProjectId == projectId && (c.PinnedAt == null) == pinned)
            .ExecuteUpdateAsync(set => set.SetProperty(c => c.PinnedAt, since), cancellationToken);
        notifier.Changed(projectId);
    }

    /// <summary>Withdraws a checkpoint: no project begins with it or goes back to it any more. The result is what stands against it, or null.</summary>
    public async Task<string?> RetireAsync(Guid projectId, Guid checkpointId, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);

        // The planner takes the same lock before it changes a project's policy.
        await db.Projects.Where(p => p.Id == projectId).ExecuteUpdateAsync(set => set.SetProperty(p => p.Seed, p => p.Seed), cancellationToken);
        if (await db.Projects.AnyAsync(p => p.PolicyCheckpointId == checkpointId, cancellationToken))
        {
            return "It is the policy of its project. Roll back to another one first.";
        }

        if (await db.Cycles.AnyAsync(c => c.PolicyCheckpointId == checkpointId && CycleStatuses.Unfinished.Contains(c.Status), cancellationToken)
            || await db.Runs.AnyAsync(
                r => (r.PolicyCheckpointId == checkpointId || r.RewardCheckpointId == checkpointId || r.BaselineCheckpointId == checkpointId) && (r.Status == RunStatuses.Queued || r.Status == RunStatuses.Running),
                cancellationToken))
        {
            return "A cycle or a run that is under way needs it.";
        }

        DateTimeOffset? now = time.GetUtcNow();
        var retired = await db.Checkpoints.Where(c => c.Id == checkpointId && c.ProjectId == projectId && c.RetiredAt == null)
            .ExecuteUpdateAsync(set => set.SetProperty(c => c.RetiredAt, now), cancellationToken);
        if (retired == 1)
        {
            OutboxWriter.Add(db, new CheckpointRetired { CheckpointId = checkpointId, ProjectId = projectId });
            await db.SaveChangesAsync(cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            notifier.Changed(projectId);
        }

        return null;
    }

    // In the order of the ids: nearest first.
    private static async Task<IReadOnlyList<RelatedCheckpoint>> RelatedAsync(AppDbContext db, List<Guid> ids, CancellationToken cancellationToken)
    {
        const int Shown = 200;
        var shown = ids.Take(Shown).ToList();
        var rows = await (from checkpoint in db.Checkpoints.AsNoTracking()
                          where shown.Contains(checkpoint.Id)
                          join project in db.Projects on checkpoint.ProjectId equals project.Id
                          join run in db.Runs on checkpoint.RunId equals run.Id into runs
                          from run in runs.DefaultIfEmpty()
                          select new RelatedCheckpoint(checkpoint, project.Slug, project.Name, checkpoint.RunId, run == null ? null : run.Kind)).ToListAsync(cancellationToken);
        return [.. rows.OrderBy(r => shown.IndexOf(r.Checkpoint.Id))];
    }
}
