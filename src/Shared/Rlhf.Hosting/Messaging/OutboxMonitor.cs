using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rlhf.Data;

namespace Rlhf.Hosting.Messaging;

/// <summary>Measures the outbox and the failed messages every 15 seconds, so that whoever reads the gauges costs the database nothing.</summary>
internal sealed partial class OutboxMonitor(IDbContextFactory<AppDbContext> contexts, TimeProvider time, ILogger<OutboxMonitor> logger) : BackgroundService
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(15);

    /// <summary>Measures now.</summary>
    public async Task MeasureAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var now = time.GetUtcNow();

        // The oldest row is the one with the lowest key; a row that went back to the outbox has its old key and its old time.
        var depth = await db.Outbox.LongCountAsync(cancellationToken);
        var oldest = depth == 0 ? now : await db.Outbox.OrderBy(m => m.Id).Select(m => m.CreatedAt).FirstOrDefaultAsync(cancellationToken);
        var setAside = await db.FailedMessages.LongCountAsync(f => f.SetAsideAt != null, cancellationToken);
        var failed = await db.FailedMessages.LongCountAsync(f => f.SetAsideAt == null, cancellationToken);
        MessagingMetrics.Measured(depth, oldest == default || oldest > now ? TimeSpan.Zero : now - oldest, failed, setAside);
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
                    await MeasureAsync(stoppingToken);
                }
                catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
                {
                    Log.MeasureFailed(logger, exception.Message);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops.
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventId = 4401, Level = LogLevel.Warning, Message = "The outbox could not be measured: {Reason}")]
        public static partial void MeasureFailed(ILogger logger, string reason);
    }
}
