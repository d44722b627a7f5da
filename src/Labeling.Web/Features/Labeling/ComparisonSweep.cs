using Labeling.Web.Live;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Rlhf.Contracts.Training;
using Rlhf.Data;

namespace Labeling.Web.Features.Labeling;

/// <summary>
/// Makes the comparisons of sampling and evaluation runs whose message was lost for good, at the start of the site and from time to time. Doing it again, or
/// in two replicas, adds nothing.
/// </summary>
public sealed partial class ComparisonSweep(
    IDbContextFactory<AppDbContext> contexts, IOptions<ComparisonSweepOptions> options, ProjectNotifier projects, TimeProvider time, ILogger<ComparisonSweep> logger) : BackgroundService
{
    // Runs whose answers are all alike never get comparisons; they are not looked at for ever.
    private static readonly TimeSpan s_memory = TimeSpan.FromDays(7);

    /// <summary>One pass.</summary>
    /// <returns>How many comparisons were made.</returns>
    public async Task<int> SweepAsync(CancellationToken stop)
    {
        var now = time.GetUtcNow();
        var (since, before) = (now - s_memory, now - options.Value.SweepAfter);
        await using var reading = await contexts.CreateDbContextAsync(stop);
        var runs = await reading.Runs.AsNoTracking()
            .Where(r => (r.Kind == RunKinds.Sample || (r.Kind == RunKinds.Eval && reading.Completions.Any(c => c.RunId == r.Id))) && r.Status == RunStatuses.Completed && r.FinishedAt > since && r.FinishedAt < before
                && !reading.ComparisonTasks.Any(t => t.ProjectId == r.ProjectId && reading.Completions.Any(c => c.Id == t.CompletionAId && c.RunId == r.Id)))
            .OrderBy(r => r.FinishedAt)
            .Select(r => new { r.Id, r.ProjectId, Round = reading.Cycles.Where(c => c.Id == r.CycleId || (r.Kind == RunKinds.Eval && c.ProjectId == r.ProjectId)).Max(c => (int?)c.Number) ?? 0 })
            .ToListAsync(stop);
        var added = 0;
        foreach (var run in runs)
        {
            await using var db = await contexts.CreateDbContextAsync(stop);
            await using var transaction = await db.Database.BeginTransactionAsync(stop);
            var made = await ComparisonTaskFactory.AddFromRunAsync(db, run.ProjectId, run.Id, run.Round, now, stop);
            await db.SaveChangesAsync(stop);
            await transaction.CommitAsync(stop);
            if (made > 0)
            {
                added += made;
                Log.Found(logger, made, run.Id);
                projects.Changed(run.ProjectId);
            }
        }

        return added;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Value.SweepInterval, time);
        try
        {
            do
            {
                try
                {
                    await SweepAsync(stoppingToken);
                }
                catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
                {
                    Log.SweepFailed(logger, exception.Message);
                }
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops.
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1201, LogLevel.Warning, "{Count} comparisons of run {Run} were made by the sweep: the message about its answers never came")]
        public static partial void Found(ILogger logger, int count, Guid run);

        [LoggerMessage(1202, LogLevel.Warning, "sampled answers could not be swept and are looked at again: {Reason}")]
        public static partial void SweepFailed(ILogger logger, string reason);
    }
}
