using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Rlhf.Data;
using Rlhf.Hosting.Telemetry;

namespace Trainer.Service.Cycles;

/// <summary>Reconciles every project at the start of the process and from time to time. Replicas may all do it.</summary>
public sealed partial class PlannerSweep(
    IServiceScopeFactory scopes, IOptions<PlannerOptions> options, TimeProvider clock, ILogger<PlannerSweep> logger) : BackgroundService
{
    /// <summary>One pass over all projects, each in a transaction of its own: what goes wrong in one does not hold up the others.</summary>
    public async Task SweepAsync(CancellationToken stop)
    {
        using var span = RlhfTelemetry.Source.StartActivity("planner.sweep");
        var before = clock.GetUtcNow() - options.Value.SweepAfter;
        foreach (var project in await ProjectsAsync(stop))
        {
            try
            {
                await using var scope = scopes.CreateAsyncScope();
                var db = scope.ServiceProvider.GetRequiredService<AppDbContext>();
                await using var transaction = await db.Database.BeginTransactionAsync(stop);
                await scope.ServiceProvider.GetRequiredService<CycleReconciler>().ReconcileAsync(project, before, stop);
                await db.SaveChangesAsync(stop);
                await transaction.CommitAsync(stop);
            }
            catch (Exception exception) when (!stop.IsCancellationRequested)
            {
                Log.ProjectFailed(logger, exception, project);
            }
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Value.SweepInterval, clock);
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

    private async Task<List<Guid>> ProjectsAsync(CancellationToken stop)
    {
        await using var scope = scopes.CreateAsyncScope();
        return await scope.ServiceProvider.GetRequiredService<AppDbContext>().Projects.OrderBy(p => p.Id).Select(p => p.Id).ToListAsync(stop);
    }

    private static partial class Log
    {
        [LoggerMessage(EventId = 5201, Level = LogLevel.Error, Message = "Project {Project} could not be reconciled and is tried again at the next sweep")]
        public static partial void ProjectFailed(ILogger logger, Exception exception, Guid project);

        [LoggerMessage(EventId = 5202, Level = LogLevel.Warning, Message = "Projects could not be swept and are tried again: {Reason}")]
        public static partial void SweepFailed(ILogger logger, string reason);
    }
}
