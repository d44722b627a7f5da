using System.Diagnostics;
using System.Reflection;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Hosting;

namespace Rlhf.Training.Runs;

/// <summary>
/// The runs of the database as a queue. A claim is one conditional update that also counts up the run's fencing token; whatever a worker writes
/// afterwards is conditional on that token, so a worker that was thought dead cannot write over its successor. Times are the database's.
/// </summary>
public sealed partial class RunQueue(IDbContextFactory<AppDbContext> contexts, IOptions<RunOptions> options, DatabaseClock clock)
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
            BaselineCheckpointId = command.BaselineCheckpointId,
            Priority = command.Priority ?? RunPriorities.Of(command.Kind),
            TraceParent = Activity.Current is { IdFormat: ActivityIdFormat.W3C } current ? current.Id : null,
            CreatedAt = DateTimeOffset.UtcNow,
        };
        db.Runs.Add(run);
        return run;
    }

    /// <summary>
    /// Claims a queued run of the given kinds: of those whose wait after a failure is over, the one of the highest priority, among equals the oldest.
    /// </summary>
    /// <param name="kinds">The kinds the worker has executors for.</param>
    /// <param name="owner">The worker.</param>
    /// <param name="device">The device it computes on. While another run is running on it, nothing is claimed.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The run as claimed; null when there is none, or the device is taken.</returns>
    public async Task<Run?> ClaimAsync(IReadOnlyCollection<string> kinds, string owner, string device, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            await using var db = await contexts.CreateDbContextAsync(cancellationToken);
            var now = await clock.NowAsync(db, cancellationToken);
            if (await db.Runs.AnyAsync(r => r.Device == device && r.Status == RunStatuses.Running, cancellationToken))
            {
                return null;
            }

            var candidate = await db.Runs.AsNoTracking()
                .Where(r => r.Status == RunStatuses.Queued && kinds.Contains(r.Kind) && (r.NotBefore == null || r.NotBefore <= now))
                .OrderByDescending(r => r.Priority).ThenBy(r => r.CreatedAt).ThenBy(r => r.Id)
                .FirstOrDefaultAsync(cancellationToken);
            if (candidate is null)
            {
                return null;
            }

            try
            {
                if (await TryClaimAsync(db, candidate, owner, device, now, cancellationToken))
                {
                    return await db.Runs.AsNoTracking().SingleAsync(r => r.Id == candidate.Id, cancellationToken);
                }
            }
            catch (Exception exception) when (RunFaults.IsUniqueViolation(exception))
            {
                // Another process has claimed a run for the device since we looked; the index lets only one in.
                return null;
            }
        }
    }

    /// <summary>How many runs of each kind wait, those after a failure included; kinds that are not named have none.</summary>
    public async Task<IReadOnlyDictionary<string, int>> CountQueuedAsync(CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Runs.Where(r => r.Status == RunStatuses.Queued).GroupBy(r => r.Kind).ToDictionaryAsync(g => g.Key, g => g.Count(), StringComparer.Ordinal, cancellationToken);
    }

    /// <summary>Stops a run: a queued one (one that waits after a failure, too) at once, a running one when its worker looks. A run that has ended stays as it is.</summary>
    /// <returns>Whether there is a run that stops now.</returns>
    public async Task<bool> RequestCancelAsync(Guid runId, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var changed = await RequestCancelAsync(db, runId, await clock.NowAsync(db, cancellationToken), cancellationToken);
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
                    .SetProperty(r => r.NotBefore, (DateTimeOffset?)null)
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

    /// <summary>Queues a failed or cancelled run again, or ends the wait of one that failed and waits; it goes on from its last state.</summary>
    /// <returns>False when the run is in another state.</returns>
    public async Task<bool> ResumeAsync(Guid runId, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Runs
            .Where(r => r.Id == runId
                && (r.Status == RunStatuses.Failed || r.Status == RunStatuses.Cancelled || (r.Status == RunStatuses.Queued && r.NotBefore != null)))
            .ExecuteUpdateAsync(
                set => set
                    .SetProperty(r => r.Status, RunStatuses.Queued)
                    .SetProperty(r => r.Attempt, 0)
                    .SetProperty(r => r.Failures, 0)
                    .SetProperty(r => r.NotBefore, (DateTimeOffset?)null)
                    .SetProperty(r => r.Error, (string?)null)
                    .SetProperty(r => r.CancelRequested, false)
                    .SetProperty(r => r.FinishedAt, (DateTimeOffset?)null)
                    .SetProperty(r => r.Version, r => r.Version + 1),
                cancellationToken) > 0;
    }

    private async Task<bool> TryClaimAsync(AppDbContext db, Run candidate, string owner, string device, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        DateTimeOffset? expires = now + options.Value.LeaseDuration;
        var claimed = await db.Runs
            .Where(r => r.Id == candidate.Id && r.Status == RunStatuses.Queued && r.FencingToken == candidate.FencingToken)
            .ExecuteUpdateAsync(
                set => set
                    .SetProperty(r => r.Status, RunStatuses.Running)
                    .SetProperty(r => r.LeaseOwner, owner)
                    .SetProperty(r => r.LeaseExpiresAt, expires)
                    .SetProperty(r => r.Device, device)
                    .SetProperty(r => r.NotBefore, (DateTimeOffset?)null)
                    .SetProperty(r => r.Error, (string?)null)
                    .SetProperty(r => r.FencingToken, r => r.FencingToken + 1)
                    .SetProperty(r => r.Attempt, r => r.Attempt + 1)
                    .SetProperty(r => r.StartedAt, r => r.StartedAt ?? now)
                    .SetProperty(r => r.CodeVersion, s_codeVersion)
                    .SetProperty(r => r.Version, r => r.Version + 1),
                cancellationToken);
        if (claimed == 0)
        {
            // Another worker was faster; there may be another run.
            return false;
        }

        OutboxWriter.Add(db, new RunStarted { RunId = candidate.Id, ProjectId = candidate.ProjectId, Kind = candidate.Kind });
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return true;
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
