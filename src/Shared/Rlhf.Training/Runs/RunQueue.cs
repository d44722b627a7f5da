using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Rlhf.Training.Runs;

/// <summary>
/// The runs of the database as a queue. A claim is one conditional update that also counts up the run's fencing token; whatever a worker writes
/// afterwards is conditional on that token, so a worker that was thought dead cannot write over its successor.
/// </summary>
public sealed class RunQueue(IDbContextFactory<AppDbContext> contexts, IOptions<RunOptions> options, TimeProvider time)
{
    private static readonly string s_codeVersion =
        Assembly.GetEntryAssembly()?.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion is { } version
            ? version[..Math.Min(version.Length, 100)]
            : "";

    /// <summary>Adds the run a command asks for to the caller's context, unless it was added before. The caller saves.</summary>
    /// <param name="db">The caller's context.</param>
    /// <param name="command">The command.</param>
    /// <param name="configJson">Hyperparameters, copied from the project.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The new run, or null when the command was handled before.</returns>
    public static async Task<Run?> EnqueueAsync(AppDbContext db, StartRun command, string configJson, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(db);
        ArgumentNullException.ThrowIfNull(command);
        if (!RunKinds.All.Contains(command.Kind))
        {
            throw new ArgumentException($"Run kind '{command.Kind}' is unknown; legal values: {string.Join(", ", RunKinds.All)}.", nameof(command));
        }

        if (await db.Runs.AnyAsync(r => r.CommandId == command.CommandId, cancellationToken))
        {
            return null;
        }

        var run = new Run
        {
            // The sender knows the run by its command from the start.
            Id = command.CommandId,
            ProjectId = command.ProjectId,
            CycleId = command.CycleId,
            Kind = command.Kind,
            CommandId = command.CommandId,
            ConfigJson = configJson,
            Seed = command.Seed,
            PolicyCheckpointId = command.PolicyCheckpointId,
            RewardCheckpointId = command.RewardCheckpointId,
            CreatedAt = DateTimeOffset.UtcNow,
        };
        db.Runs.Add(run);
        return run;
    }

    /// <summary>Claims the oldest queued run of the given kinds; null when there is none.</summary>
    public async Task<Run?> ClaimAsync(IReadOnlyCollection<string> kinds, string owner, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            await using var db = await contexts.CreateDbContextAsync(cancellationToken);
            var candidate = await db.Runs.AsNoTracking()
                .Where(r => r.Status == RunStatuses.Queued && kinds.Contains(r.Kind))
                .OrderBy(r => r.CreatedAt).ThenBy(r => r.Id)
                .FirstOrDefaultAsync(cancellationToken);
            if (candidate is null)
            {
                return null;
            }

            await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
            var now = time.GetUtcNow();
            DateTimeOffset? expires = now + options.Value.LeaseDuration;
            var claimed = await db.Runs
                .Where(r => r.Id == candidate.Id && r.Status == RunStatuses.Queued && r.FencingToken == candidate.FencingToken)
                .ExecuteUpdateAsync(
                    set => set
                        .SetProperty(r => r.Status, RunStatuses.Running)
                        .SetProperty(r => r.LeaseOwner, owner)
                        .SetProperty(r => r.LeaseExpiresAt, expires)
                        .SetProperty(r => r.FencingToken, r => r.FencingToken + 1)
                        .SetProperty(r => r.Attempt, r => r.Attempt + 1)
                        .SetProperty(r => r.StartedAt, r => r.StartedAt ?? now)
                        .SetProperty(r => r.CodeVersion, s_codeVersion)
                        .SetProperty(r => r.Version, r => r.Version + 1),
                    cancellationToken);
            if (claimed == 0)
            {
                // Another worker was faster; there may be another run.
                continue;
            }

            OutboxWriter.Add(db, new RunStarted { RunId = candidate.Id, ProjectId = candidate.ProjectId, Kind = candidate.Kind });
            await db.SaveChangesAsync(cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            return await db.Runs.AsNoTracking().SingleAsync(r => r.Id == candidate.Id, cancellationToken);
        }
    }

    /// <summary>Renews a lease.</summary>
    public async Task<LeaseState> HeartbeatAsync(RunLease lease, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(lease);
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        DateTimeOffset? expires = time.GetUtcNow() + options.Value.LeaseDuration;
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

        // The update locks the row until the commit, so the lease cannot pass on in between.
        if (await Held(db, lease).ExecuteUpdateAsync(set => set.SetProperty(r => r.FencingToken, lease.FencingToken), cancellationToken) == 0)
        {
            throw new LeaseLostException(lease);
        }

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

    /// <summary>Gives a run back because the worker stops in good order; the attempt does not count. Does nothing when the lease is not held.</summary>
    public async Task ReleaseAsync(RunLease lease, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(lease);
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await Held(db, lease).ExecuteUpdateAsync(
            set => set
                .SetProperty(r => r.Status, RunStatuses.Queued)
                .SetProperty(r => r.LeaseOwner, (string?)null)
                .SetProperty(r => r.LeaseExpiresAt, (DateTimeOffset?)null)
                .SetProperty(r => r.Attempt, r => r.Attempt - 1)
                .SetProperty(r => r.Version, r => r.Version + 1),
            cancellationToken);
    }

    /// <summary>Stops a run: a queued one at once, a running one when its worker looks. A run that has ended stays as it is.</summary>
    /// <returns>Whether there is a run that stops now.</returns>
    public async Task<bool> RequestCancelAsync(Guid runId, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var changed = await RequestCancelAsync(db, runId, time.GetUtcNow(), cancellationToken);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return changed;
    }

    /// <summary>The same within the caller's transaction, for a consumer; the caller saves.</summary>
    public static async Task<bool> RequestCancelAsync(AppDbContext db, Guid runId, DateTimeOffset now, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(db);
        DateTimeOffset? finished = now;
        var cancelled = await db.Runs
            .Where(r => r.Id == runId && r.Status == RunStatuses.Queued)
            .ExecuteUpdateAsync(
                set => set
                    .SetProperty(r => r.Status, RunStatuses.Cancelled)
                    .SetProperty(r => r.CancelRequested, true)
                    .SetProperty(r => r.FinishedAt, finished)
                    .SetProperty(r => r.Version, r => r.Version + 1),
                cancellationToken);
        if (cancelled > 0)
        {
            AddCancelled(db, await db.Runs.AsNoTracking().SingleAsync(r => r.Id == runId, cancellationToken));
            return true;
        }

        return await db.Runs
            .Where(r => r.Id == runId && r.Status == RunStatuses.Running)
            .ExecuteUpdateAsync(set => set.SetProperty(r => r.CancelRequested, true), cancellationToken) > 0;
    }

    /// <summary>Queues a failed or cancelled run again; it goes on from its last state.</summary>
    /// <returns>False when the run is in another state.</returns>
    public async Task<bool> ResumeAsync(Guid runId, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Runs
            .Where(r => r.Id == runId && (r.Status == RunStatuses.Failed || r.Status == RunStatuses.Cancelled))
            .ExecuteUpdateAsync(
                set => set
                    .SetProperty(r => r.Status, RunStatuses.Queued)
                    .SetProperty(r => r.Attempt, 0)
                    .SetProperty(r => r.Error, (string?)null)
                    .SetProperty(r => r.CancelRequested, false)
                    .SetProperty(r => r.FinishedAt, (DateTimeOffset?)null)
                    .SetProperty(r => r.Version, r => r.Version + 1),
                cancellationToken) > 0;
    }

    /// <summary>Ends the claims of workers whose leases ran out: queued again, or failed after too many deaths, or cancelled where that was asked for.</summary>
    /// <returns>How many claims ended.</returns>
    public Task<int> RequeueExpiredAsync(CancellationToken cancellationToken = default)
    {
        var now = time.GetUtcNow();
        return RequeueAsync(running => running.Where(r => r.LeaseExpiresAt == null || r.LeaseExpiresAt < now), cancellationToken);
    }

    /// <summary>Ends the claims of every owner but one, whether their leases ran out or not. The caller knows that the others are dead.</summary>
    /// <returns>How many claims ended.</returns>
    public Task<int> RequeueDeadOwnersAsync(string livingOwner, CancellationToken cancellationToken = default) =>
        RequeueAsync(running => running.Where(r => r.LeaseOwner != livingOwner), cancellationToken);

    private async Task<int> RequeueAsync(Func<IQueryable<Run>, IQueryable<Run>> dead, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var runs = await dead(db.Runs.AsNoTracking().Where(r => r.Status == RunStatuses.Running)).ToListAsync(cancellationToken);
        var ended = 0;
        foreach (var run in runs)
        {
            ended += await EndDeadClaimAsync(run, dead, cancellationToken);
        }

        return ended;
    }

    private async Task<int> EndDeadClaimAsync(Run run, Func<IQueryable<Run>, IQueryable<Run>> dead, CancellationToken cancellationToken)
    {
        var status = run.CancelRequested ? RunStatuses.Cancelled : run.Attempt >= options.Value.MaxAttempts ? RunStatuses.Failed : RunStatuses.Queued;
        var error = status == RunStatuses.Failed ? $"{run.Attempt} workers in a row died while they executed this run, the last one ({run.LeaseOwner}) after step {run.Step}." : null;
        DateTimeOffset? finished = status == RunStatuses.Queued ? null : time.GetUtcNow();

        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);

        // Conditional on the same claim still being dead: a late heartbeat wins, and two workers that look at once end it once.
        var ended = await dead(db.Runs.Where(r => r.Id == run.Id && r.Status == RunStatuses.Running && r.FencingToken == run.FencingToken))
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
        DateTimeOffset? finished = time.GetUtcNow();
        var held = await Held(db, lease).ExecuteUpdateAsync(
            set => set
                .SetProperty(r => r.Status, status)
                .SetProperty(r => r.Error, error)
                .SetProperty(r => r.OutputCheckpointId, outputCheckpointId)
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

    private static void AddCancelled(AppDbContext db, Run run) =>
        OutboxWriter.Add(db, new RunCancelled { RunId = run.Id, ProjectId = run.ProjectId, CycleId = run.CycleId, Kind = run.Kind });

    private static void AddFailed(AppDbContext db, Run run, string error) =>
        OutboxWriter.Add(db, new RunFailed
        {
            RunId = run.Id,
            ProjectId = run.ProjectId,
            CycleId = run.CycleId,
            Kind = run.Kind,
            Step = run.Step,
            Error = FirstLine(error),
        });

    internal static string FirstLine(string text)
    {
        var line = text.AsSpan().TrimStart();
        var end = line.IndexOfAny('\r', '\n');
        line = end < 0 ? line : line[..end];
        return line.Length <= 300 ? line.ToString() : string.Concat(line[..299], "…");
    }
}
