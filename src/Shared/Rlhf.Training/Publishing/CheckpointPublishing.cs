using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Data.Lineage;

namespace Rlhf.Training.Publishing;

/// <summary>The row and the message of a checkpoint that a run publishes.</summary>
public static class CheckpointPublishing
{
    /// <summary>
    /// Adds both to the context that completes the run; the caller's transaction makes them true together. What descends from judgments that were
    /// taken back, also while the run trained, is published as tainted.
    /// </summary>
    /// <param name="db">The context.</param>
    /// <param name="id">The checkpoint's id, chosen by the caller so that a repeated commit adds the same row.</param>
    /// <param name="run">The run that made it.</param>
    /// <param name="kind">One of <see cref="CheckpointKinds"/>.</param>
    /// <param name="published">Where its files lie.</param>
    /// <param name="now">The time of publication.</param>
    public static void Add(AppDbContext db, Guid id, Run run, string kind, PublishedDirectory published, DateTimeOffset now)
    {
        // Locks the project, so that two publishers count different versions.
        var taint = CheckpointTaint.Find(db, run);
        var latest = db.Checkpoints.Where(c => c.ProjectId == run.ProjectId && c.Kind == kind).Select(c => (int?)c.Version).Max();
        var checkpoint = new Checkpoint
        {
            Id = id,
            ProjectId = run.ProjectId,
            Kind = kind,
            Version = latest + 1 ?? 0,
            Path = published.Path,
            ContentHash = published.ContentHash,
            SizeBytes = published.SizeBytes,
            ParentId = run.PolicyCheckpointId,
            RunId = run.Id,
            CreatedAt = now,
            TaintedAt = taint is null ? null : now,
            TaintReason = taint,
        };
        db.Checkpoints.Add(checkpoint);
        OutboxWriter.Add(db, new CheckpointPublished
        {
            CheckpointId = id,
            ProjectId = run.ProjectId,
            Kind = kind,
            Version = checkpoint.Version,
            ContentHash = published.ContentHash,
        });
    }
}
