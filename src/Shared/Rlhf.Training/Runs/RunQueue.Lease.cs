using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Rlhf.Training.Runs;

// What the holder of a lease writes: every statement is conditional on the fencing token.
public sealed partial class RunQueue
{
    /// <summary>Renews a lease.</summary>
    public async Task<LeaseState> HeartbeatAsync(RunLease lease, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(lease);
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        DateTimeOffset? expires = await clock.NowAsync(db, cancellationToken) + options.Value.LeaseDuration;
        var held = await Held(db, lease).ExecuteUpdateAsync(set => set.SetProperty(r => r.LeaseExpiresAt, expires), cancellationToken);
        return held == 0 ? LeaseState.Lost : await StateAsync(db, lease, cancellationToken);
    }

    /// <summary>Stores a step's metrics (a repeated step overwrites them) and, if asked, tells the console about the progress.</summary>
    public async Task<LeaseState> ReportAsync(
        RunLease lease,
        int step,
        int totalSteps,
        IReadOnlyDictionary<string, double> metrics,
        bool announce,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(lease);
        ArgumentNullException.ThrowIfNull(metrics);
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var held = await Held(db, lease).ExecuteUpdateAsync(
            set => set.SetProperty(r => r.Step, step).SetProperty(r => r.TotalSteps, totalSteps),
            cancellationToken);
        if (held == 0)
        {
            return LeaseState.Lost;
        }

        // A value that is not a number cannot be stored by every database and leaves a gap in its curve.
        var points = metrics.Where(m => double.IsFinite(m.Value)).ToList();
        if (points.Count > 0)
        {
            await db.Database.ExecuteSqlAsync(Upsert(lease.RunId, step, points), cancellationToken);
        }

        if (announce)
        {
            var projectId = await db.Runs.Where(r => r.Id == lease.RunId).Select(r => r.ProjectId).SingleAsync(cancellationToken);
            OutboxWriter.Add(db, new RunProgressed { RunId = lease.RunId, ProjectId = projectId, Step = step, TotalSteps = totalSteps });
            await db.SaveChangesAsync(cancellationToken);
        }

        var state = await StateAsync(db, lease, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return state;
    }

    /// <summary>Commits changes of a run that goes on, if the lease is still held.</summary>
    /// <exception cref="LeaseLostException">It is not; nothing was written.</exception>
    public async Task SaveAsync(RunLease lease, Action<AppDbContext> effects, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(lease);
        ArgumentNullException.ThrowIfNull(effects);
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await LockAsync(db, lease, cancellationToken);
        effects(db);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>Completes a run: its effects (the checkpoint's row, messages), its status and the message about it, in one transaction.</summary>
    /// <exception cref="LeaseLostException">The lease is not held; nothing was written.</exception>
    public Task CompleteAsync(RunLease lease, Guid? outputCheckpointId, Action<AppDbContext> effects, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(lease);
        ArgumentNullException.ThrowIfNull(effects);
        return EndAsync(
            lease,
            RunStatuses.Completed,
            error: null,
            outputCheckpointId,
            (db, run) =>
            {
                effects(db);
                OutboxWriter.Add(db, new RunCompleted { RunId = run.Id, ProjectId = run.ProjectId, CycleId = run.CycleId, Kind = run.Kind, OutputCheckpointId = outputCheckpointId });
            },
            cancellationToken);
    }

    /// <summary>Fails a run with its error; it stays at its step until somebody resumes it.</summary>
    /// <exception cref="LeaseLostException">The lease is not held; nothing was written.</exception>
    public Task FailAsync(RunLease lease, string error, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(lease);
        ArgumentNullException.ThrowIfNull(error);
        return EndAsync(lease, RunStatuses.Failed, error, outputCheckpointId: null, (db, run) => AddFailed(db, run, error), cancellationToken);
    }

    /// <summary>Ends a run that was asked to stop.</summary>
    /// <exception cref="LeaseLostException">The lease is not held; nothing was written.</exception>
    public Task CancelAsync(RunLease lease, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(lease);
        return EndAsync(lease, RunStatuses.Cancelled, error: null, outputCheckpointId: null, AddCancelled, cancellationToken);
    }

    /// <summary>
    /// Gives a run back because the worker stops in good order; the attempt does not count. A run that was to stop anyway ends as cancelled.
    /// Does nothing when the lease is not held.
    /// </summary>
    public async Task ReleaseAsync(RunLease lease, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(lease);
        try
        {
            await GiveBackAsync(lease, (_, _) => new Waiting(RunStatuses.Queued, NotBefore: null, Failures: null, Error: null), cancellationToken);
        }
        catch (LeaseLostException)
        {
            // It is another worker's already.
        }
    }

    /// <summary>
    /// Queues a run again that failed in a way that may pass: after a wait that doubles with each failure in a row, until there were
    /// <see cref="RunOptions.MaxFailures"/> of them; the attempt does not count as a death. A run that was to stop anyway ends as cancelled.
    /// </summary>
    /// <param name="lease">The claim.</param>
    /// <param name="error">What went wrong; the first line is shown.</param>
    /// <param name="madeProgress">Whether this attempt went beyond the step it found: then the failures in a row count from one again.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The run's status now: queued, failed or cancelled.</returns>
    /// <exception cref="LeaseLostException">The lease is not held; nothing was written.</exception>
    public Task<string> RetryAsync(RunLease lease, string error, bool madeProgress, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(lease);
        ArgumentNullException.ThrowIfNull(error);
        return GiveBackAsync(lease, Decide, cancellationToken);

        Waiting Decide(Run run, DateTimeOffset now)
        {
            var failures = madeProgress ? 1 : run.Failures + 1;
            if (failures >= options.Value.MaxFailures)
            {
                return new Waiting(RunStatuses.Failed, NotBefore: null, failures, $"{FirstLine(error)} (failure {failures} in a row, the last that is allowed)\n{error}");
            }

            var notBefore = now + Delay(failures);
            return new Waiting(RunStatuses.Queued, notBefore, failures, $"{FirstLine(error)} (failure {failures} of {options.Value.MaxFailures}; tried again after {notBefore:u})\n{error}");
        }
    }

    private async Task EndAsync(
        RunLease lease,
        string status,
        string? error,
        Guid? outputCheckpointId,
        Action<AppDbContext, Run> effects,
        CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        DateTimeOffset? finished = await clock.NowAsync(db, cancellationToken);
        var held = await Held(db, lease).ExecuteUpdateAsync(
            set => set
                .SetProperty(r => r.Status, status)
                .SetProperty(r => r.Error, error)
                .SetProperty(r => r.OutputCheckpointId, outputCheckpointId)
                .SetProperty(r => r.NotBefore, (DateTimeOffset?)null)
                .SetProperty(r => r.LeaseOwner, (string?)null)
                .SetProperty(r => r.LeaseExpiresAt, (DateTimeOffset?)null)
                .SetProperty(r => r.FinishedAt, finished)
                .SetProperty(r => r.Version, r => r.Version + 1),
            cancellationToken);
        if (held == 0)
        {
            throw new LeaseLostException(lease);
        }

        effects(db, await db.Runs.AsNoTracking().SingleAsync(r => r.Id == lease.RunId, cancellationToken));
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private static IQueryable<Run> Held(AppDbContext db, RunLease lease) =>
        db.Runs.Where(r => r.Id == lease.RunId && r.Status == RunStatuses.Running && r.FencingToken == lease.FencingToken);

    private static async Task<LeaseState> StateAsync(AppDbContext db, RunLease lease, CancellationToken cancellationToken) =>
        await db.Runs.AnyAsync(r => r.Id == lease.RunId && r.CancelRequested, cancellationToken) ? LeaseState.CancelRequested : LeaseState.Held;

    private static FormattableString Upsert(Guid runId, int step, List<KeyValuePair<string, double>> points)
    {
        var rows = string.Join(", ", points.Select((_, i) => $"({{0}}, {{1}}, {{{2 + (2 * i)}}}, {{{3 + (2 * i)}}})"));
        object[] arguments = [runId, step, .. points.SelectMany(p => (object[])[p.Key, p.Value])];
        return FormattableStringFactory.Create(
            $"""INSERT INTO "Metrics" ("RunId", "Step", "Name", "Value") VALUES {rows} ON CONFLICT ("RunId", "Step", "Name") DO UPDATE SET "Value" = excluded."Value" """,
            arguments);
    }

    /// <summary>Ends a claim without ending the run's work: it waits for another claim, or ends where the decision or a wish to stop it says so.</summary>
    private async Task<string> GiveBackAsync(RunLease lease, Func<Run, DateTimeOffset, Waiting> decide, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await LockAsync(db, lease, cancellationToken);
        var run = await db.Runs.AsNoTracking().SingleAsync(r => r.Id == lease.RunId, cancellationToken);
        var now = await clock.NowAsync(db, cancellationToken);
        var next = run.CancelRequested ? new Waiting(RunStatuses.Cancelled, NotBefore: null, Failures: null, Error: null) : decide(run, now);
        DateTimeOffset? finished = next.Status == RunStatuses.Queued ? null : now;
        await Held(db, lease).ExecuteUpdateAsync(
            set => set
                .SetProperty(r => r.Status, next.Status)
                .SetProperty(r => r.NotBefore, next.NotBefore)
                .SetProperty(r => r.Failures, next.Failures ?? run.Failures)
                .SetProperty(r => r.Error, next.Error)
                .SetProperty(r => r.LeaseOwner, (string?)null)
                .SetProperty(r => r.LeaseExpiresAt, (DateTimeOffset?)null)
                .SetProperty(r => r.Attempt, r => r.Attempt - 1)
                .SetProperty(r => r.FinishedAt, finished)
                .SetProperty(r => r.Version, r => r.Version + 1),
            cancellationToken);
        switch (next.Status)
        {
            case RunStatuses.Cancelled:
                AddCancelled(db, run);
                break;
            case RunStatuses.Failed:
                AddFailed(db, run, next.Error!);
                break;
            default:
                // So that pages show that it waits, and why.
                OutboxWriter.Add(db, new RunProgressed { RunId = run.Id, ProjectId = run.ProjectId, Step = run.Step, TotalSteps = run.TotalSteps });
                break;
        }

        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return next.Status;
    }

    private TimeSpan Delay(int failures)
    {
        // A million times the longest delay that is legal still is a TimeSpan.
        var delay = options.Value.RetryDelay * Math.Pow(2, Math.Min(failures - 1, 20));
        return delay < options.Value.MaxRetryDelay ? delay : options.Value.MaxRetryDelay;
    }

    // The update locks the row until the commit, so the lease cannot pass on in between.
    private static async Task LockAsync(AppDbContext db, RunLease lease, CancellationToken cancellationToken)
    {
        if (await Held(db, lease).ExecuteUpdateAsync(set => set.SetProperty(r => r.FencingToken, lease.FencingToken), cancellationToken) == 0)
        {
            throw new LeaseLostException(lease);
        }
    }

    private sealed record Waiting(string Status, DateTimeOffset? NotBefore, int? Failures, string? Error);
}
