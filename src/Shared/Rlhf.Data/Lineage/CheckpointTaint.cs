using Microsoft.EntityFrameworkCore;
using Rlhf.Data.Entities;

namespace Rlhf.Data.Lineage;

/// <summary>Whether what a run publishes descends from judgments that were taken back.</summary>
public static class CheckpointTaint
{
    /// <summary>
    /// Why the checkpoint a run is about to publish is tainted; null when it is not. Locks the project until the caller's transaction ends, as a
    /// retraction does: of two that meet, the later one sees the other's rows.
    /// </summary>
    /// <param name="db">The context of the transaction that adds the checkpoint.</param>
    /// <param name="run">The run that publishes.</param>
    public static string? Find(AppDbContext db, Run run)
    {
        ArgumentNullException.ThrowIfNull(db);
        ArgumentNullException.ThrowIfNull(run);
        LockedProject(db, run.ProjectId).ExecuteUpdate(set => set.SetProperty(p => p.Seed, p => p.Seed));
        var ofOrigin = db.Checkpoints
            .Where(c => (c.Id == run.PolicyCheckpointId || c.Id == run.RewardCheckpointId) && c.TaintedAt != null)
            .OrderBy(c => c.TaintedAt)
            .Select(c => c.TaintReason)
            .FirstOrDefault();
        if (ofOrigin is not null)
        {
            return ofOrigin;
        }

        var retracted = db.Judgments.Count(j => j.RetractedAt != null && db.RunJudgments.Any(r => r.RunId == run.Id && r.JudgmentId == j.Id));
        return retracted == 0 ? null : $"{retracted} of the judgments it was trained on were taken back while it trained.";
    }

    internal static Task LockAsync(AppDbContext db, Guid projectId, CancellationToken cancellationToken) =>
        LockedProject(db, projectId).ExecuteUpdateAsync(set => set.SetProperty(p => p.Seed, p => p.Seed), cancellationToken);

    // An update that changes nothing locks the row in either database.
    private static IQueryable<Project> LockedProject(AppDbContext db, Guid projectId) => db.Projects.Where(p => p.Id == projectId);
}
