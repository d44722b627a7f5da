using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Hosting;

namespace Rlhf.Training.Publishing;

/// <summary>
/// Once an hour removes the files of checkpoints nobody needs any more, and what dead processes left in the store and among the states. Rows stay, for
/// the lineage. First the rows are marked, in one transaction; then every directory of which all rows are marked goes, so that a pass that died
/// in between is completed by the next one, and several processes may do this at once.
/// </summary>
public sealed partial class CheckpointRetention(
    IDbContextFactory<AppDbContext> contexts,
    CheckpointStore store,
    IOptions<CheckpointOptions> options,
    IOptions<StorageOptions> storage,
    TimeProvider time,
    ILogger<CheckpointRetention> logger) : BackgroundService
{
    private static readonly TimeSpan s_interval = TimeSpan.FromHours(1);

    /// <summary>What a pass would remove now, and why the others stay. Changes nothing.</summary>
    public async Task<IReadOnlyList<RetentionDecision>> PlanAsync(CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await DecideAsync(db, time.GetUtcNow(), cancellationToken);
    }

    /// <summary>One pass.</summary>
    /// <returns>How many checkpoints lost their files.</returns>
    public async Task<int> ApplyAsync(CancellationToken cancellationToken = default)
    {
        var marked = await MarkAsync(cancellationToken);
        await RemoveMarkedAsync(cancellationToken);
        store.RemoveLeftovers(time.GetUtcNow());
        await RemoveFinishedStatesAsync(cancellationToken);
        return marked;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    await ApplyAsync(stoppingToken);
                }
                catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
                {
                    Log.Failed(logger, exception.Message);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops.
        }
    }

    private async Task<int> MarkAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);

        // Locks the projects: nobody publishes or serves another checkpoint while it is decided what is needed.
        await db.Projects.ExecuteUpdateAsync(set => set.SetProperty(p => p.Seed, p => p.Seed), cancellationToken);
        var now = time.GetUtcNow();
        var going = (await DecideAsync(db, now, cancellationToken)).Where(d => d.Removes).Select(d => d.Checkpoint.Id).ToList();
        var marked = going.Count == 0 ? 0 : await db.Checkpoints
            .Where(c => going.Contains(c.Id) && c.FilesDeletedAt == null && c.PinnedAt == null)
            .ExecuteUpdateAsync(set => set.SetProperty(c => c.FilesDeletedAt, now), cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return marked;
    }

    private async Task<IReadOnlyList<RetentionDecision>> DecideAsync(AppDbContext db, DateTimeOffset now, CancellationToken cancellationToken) =>
        (await RetentionFacts.LoadAsync(db, options.Value, now, cancellationToken)).Decide(options.Value, now);

    private async Task RemoveMarkedAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var paths = await db.Checkpoints
            .Where(c => c.FilesDeletedAt != null && !db.Checkpoints.Any(o => o.Path == c.Path && o.FilesDeletedAt == null))
            .Select(c => c.Path)
            .Distinct()
            .ToListAsync(cancellationToken);
        foreach (var path in paths)
        {
            if (store.Remove(path, time.GetUtcNow()))
            {
                Log.Removed(logger, path);
            }
        }
    }

    private async Task RemoveFinishedStatesAsync(CancellationToken cancellationToken)
    {
        if (!Directory.Exists(storage.Value.StatePath))
        {
            return;
        }

        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var lately = time.GetUtcNow() - TimeSpan.FromDays(options.Value.KeepDays);
        foreach (var directory in Directory.EnumerateDirectories(storage.Value.StatePath))
        {
            // A worker that lost its lease may make its directory again after its successor has completed the run.
            if (Guid.TryParse(Path.GetFileName(directory), out var runId)
                && time.GetUtcNow() - Directory.GetLastWriteTimeUtc(directory) >= CheckpointStore.Grace
                && await db.Runs.AnyAsync(
                    r => r.Id == runId && (r.Status == RunStatuses.Completed || ((r.Status == RunStatuses.Failed || r.Status == RunStatuses.Cancelled) && r.FinishedAt <= lately)),
                    cancellationToken))
            {
                Remove(directory);
            }
        }
    }

    private static void Remove(string directory)
    {
        try
        {
            Directory.Delete(directory, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // Another process removes it, too.
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventId = 2101, Level = LogLevel.Information, Message = "The files of checkpoint {Path} were removed")]
        public static partial void Removed(ILogger logger, string path);

        [LoggerMessage(EventId = 2102, Level = LogLevel.Warning, Message = "Old checkpoints could not be removed and are tried again in an hour: {Reason}")]
        public static partial void Failed(ILogger logger, string reason);
    }
}
