using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Training;
using Rlhf.Data;

namespace Rlhf.Training.Publishing;

/// <summary>Withdraws checkpoints: they must no longer be used, whatever became of their files.</summary>
public static class CheckpointRetirement
{
    /// <summary>Withdraws a checkpoint and tells everybody, in one transaction (the caller's, if there is one).</summary>
    /// <param name="db">The context; saved here.</param>
    /// <param name="checkpointId">The checkpoint.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>False when there is no such checkpoint or it was withdrawn before.</returns>
    /// <exception cref="InvalidOperationException">A project serves it: roll the project back to another one first.</exception>
    public static async Task<bool> RetireAsync(AppDbContext db, Guid checkpointId, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(db);
        await using var transaction = db.Database.CurrentTransaction is null ? await db.Database.BeginTransactionAsync(cancellationToken) : null;

        // Locks the projects that might come to serve it.
        await db.Projects
            .Where(p => db.Checkpoints.Any(c => c.Id == checkpointId && c.ProjectId == p.Id))
            .ExecuteUpdateAsync(set => set.SetProperty(p => p.Seed, p => p.Seed), cancellationToken);
        if (await db.Projects.Where(p => p.PolicyCheckpointId == checkpointId).Select(p => p.Slug).FirstOrDefaultAsync(cancellationToken) is { } slug)
        {
            throw new InvalidOperationException($"Checkpoint {checkpointId} is the policy that project '{slug}' serves. Roll the project back to another checkpoint first.");
        }

        DateTimeOffset? now = DateTimeOffset.UtcNow;
        if (await db.Checkpoints.Where(c => c.Id == checkpointId && c.RetiredAt == null).ExecuteUpdateAsync(set => set.SetProperty(c => c.RetiredAt, now), cancellationToken) == 0)
        {
            return false;
        }

        var projectId = await db.Checkpoints.Where(c => c.Id == checkpointId).Select(c => c.ProjectId).SingleAsync(cancellationToken);
        OutboxWriter.Add(db, new CheckpointRetired { CheckpointId = checkpointId, ProjectId = projectId });
        await db.SaveChangesAsync(cancellationToken);
        if (transaction is not null)
        {
            await transaction.CommitAsync(cancellationToken);
        }

        return true;
    }
}
