using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Rlhf.Training.Publishing;

/// <summary>Everything that says whether a checkpoint's files are needed. Of all projects: files are shared by content.</summary>
/// <param name="Checkpoints">Those whose files are not removed yet.</param>
/// <param name="Projects">All projects.</param>
/// <param name="Runs">Runs that are alive, failed or cancelled ones that ended lately and may be resumed, and those of unfinished cycles.</param>
/// <param name="Cycles">Cycles that can still go on.</param>
internal sealed record RetentionFacts(
    IReadOnlyList<Checkpoint> Checkpoints, IReadOnlyList<Project> Projects, IReadOnlyList<Run> Runs, IReadOnlyList<Cycle> Cycles)
{
    public static async Task<RetentionFacts> LoadAsync(AppDbContext db, CheckpointOptions options, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var lately = now - TimeSpan.FromDays(options.KeepDays);
        return new(
            await db.Checkpoints.AsNoTracking().Where(c => c.FilesDeletedAt == null).ToListAsync(cancellationToken),
            await db.Projects.AsNoTracking().ToListAsync(cancellationToken),
            await db.Runs.AsNoTracking()
                .Where(r => r.Status == RunStatuses.Queued || r.Status == RunStatuses.Running
                    || (r.Status != RunStatuses.Completed && (r.FinishedAt == null || r.FinishedAt > lately))
                    || db.Cycles.Any(c => c.Id == r.CycleId && CycleStatuses.Unfinished.Contains(c.Status)))
                .ToListAsync(cancellationToken),
            await db.Cycles.AsNoTracking().Where(c => CycleStatuses.Unfinished.Contains(c.Status)).ToListAsync(cancellationToken));
    }

    /// <summary>Decides about every checkpoint: who needs it, is it young or among the newest, and does another row need the same files.</summary>
    public IReadOnlyList<RetentionDecision> Decide(CheckpointOptions options, DateTimeOffset now)
    {
        var reasons = Checkpoints.ToDictionary(c => c.Id, _ => new List<string>());
        foreach (var project in Projects)
        {
            Keep(project.PolicyCheckpointId, $"project '{project.Slug}' serves it");
        }

        foreach (var run in Runs)
        {
            Keep(run.PolicyCheckpointId, $"{run.Status} run {run.Id} starts from it");
            Keep(run.RewardCheckpointId, $"{run.Status} run {run.Id} trains against it");
            Keep(run.BaselineCheckpointId, $"{run.Status} run {run.Id} compares with it");
            Keep(run.OutputCheckpointId, $"run {run.Id} of an unfinished cycle published it");
        }

        foreach (var cycle in Cycles)
        {
            Keep(cycle.PolicyCheckpointId, $"unfinished cycle {cycle.Number} began with it");
        }

        foreach (var checkpoint in Checkpoints.Where(c => c.PinnedAt is not null))
        {
            Keep(checkpoint.Id, "it is pinned");
        }

        foreach (var checkpoint in Checkpoints.Where(c => now - c.CreatedAt < TimeSpan.FromDays(options.KeepDays)))
        {
            Keep(checkpoint.Id, $"it is younger than {options.KeepDays} days");
        }

        foreach (var checkpoint in Checkpoints
            .GroupBy(c => (c.ProjectId, c.Kind))
            .SelectMany(g => g.OrderByDescending(c => c.Version).ThenByDescending(c => c.Id).Take(options.KeepLast)))
        {
            Keep(checkpoint.Id, $"it is one of the newest {options.KeepLast} of its kind");
        }

        // Last: the files are there once, whoever needs them.
        foreach (var shared in Checkpoints.GroupBy(c => c.Path, StringComparer.Ordinal))
        {
            if (shared.FirstOrDefault(c => reasons[c.Id].Count > 0) is { } needed)
            {
                foreach (var other in shared.Where(c => reasons[c.Id].Count == 0))
                {
                    reasons[other.Id].Add($"checkpoint {needed.Id} has the same files");
                }
            }
        }

        return [.. Checkpoints.Select(c => new RetentionDecision(c, reasons[c.Id]))];

        void Keep(Guid? id, string reason)
        {
            if (id is { } known && reasons.TryGetValue(known, out var list))
            {
                list.Add(reason);
            }
        }
    }
}
