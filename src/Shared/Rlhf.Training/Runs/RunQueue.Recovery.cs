using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Rlhf.Training.Runs;

// What others do about a worker that is dead.
public sealed partial class RunQueue
{
    /// <summary>Ends the claims of workers whose leases ran out: queued again, or failed after too many deaths, or cancelled where that was asked for.</summary>
    /// <returns>How many claims ended.</returns>
    public Task<int> RequeueExpiredAsync(CancellationToken cancellationToken = default) =>
        RequeueAsync((running, now) => running.Where(r => r.LeaseExpiresAt == null || r.LeaseExpiresAt < now), cancellationToken);

    /// <summary>Ends the claims of every owner but one, whether their leases ran out or not. The caller knows that the others are dead.</summary>
    /// <returns>How many claims ended.</returns>
    public Task<int> RequeueDeadOwnersAsync(string livingOwner, CancellationToken cancellationToken = default) =>
        RequeueAsync((running, _) => running.Where(r => r.LeaseOwner != livingOwner), cancellationToken);

    private async Task<int> RequeueAsync(Func<IQueryable<Run>, DateTimeOffset, IQueryable<Run>> dead, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var now = await clock.NowAsync(db, cancellationToken);
        var runs = await dead(db.Runs.AsNoTracking().Where(r => r.Status == RunStatuses.Running), now).ToListAsync(cancellationToken);
        var ended = 0;
        foreach (var run in runs)
        {
            ended += await EndDeadClaimAsync(run, dead, now, cancellationToken);
        }

        return ended;
    }

    private async Task<int> EndDeadClaimAsync(Run run, Func<IQueryable<Run>, DateTimeOffset, IQueryable<Run>> dead, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var status = run.CancelRequested ? RunStatuses.Cancelled : run.Attempt >= options.Value.MaxAttempts ? RunStatuses.Failed : RunStatuses.Queued;
        var error = status == RunStatuses.Failed ? $"{run.Attempt} workers in a row died while they executed this run, the last one ({run.LeaseOwner}) after step {run.Step}." : null;
        DateTimeOffset? finished = status == RunStatuses.Queued ? null : now;

        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);

        // Conditional on the same claim still being dead: a late heartbeat wins, and two workers that look at once end it once.
        var ended = await dead(db.Runs.Where(r => r.Id == run.Id && r.Status == RunStatuses.Running && r.FencingToken == run.FencingToken), now)
            .ExecuteUpdateAsync(
                set => set
                    .SetProperty(r => r.Status, status)
                    .SetProperty(r => r.Error, error)
                    .SetProperty(r => r.LeaseOwner, (string?)null)
                    .SetProperty(r => r.LeaseExpiresAt, (DateTimeOffset?)null)
                    .SetProperty(r => r.FinishedAt, finished)
                    .SetProperty(r => r.Version, r => r.Version + 1),
                cancellationToken);
        if (ended > 0 && status == RunStatuses.Cancelled)
        {
            AddCancelled(db, run);
        }
        else if (ended > 0 && error is not null)
        {
            AddFailed(db, run, error);
        }

        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return ended;
    }
}
