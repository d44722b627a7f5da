using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Rlhf.Data;

namespace Rlhf.Hosting.Messaging;

/// <summary>Removes old inbox rows and old set-aside messages, once an hour.</summary>
public sealed partial class MessageRetention(
    IDbContextFactory<AppDbContext> contexts,
    IOptions<MessagingOptions> options,
    TimeProvider time,
    ILogger<MessageRetention> logger) : BackgroundService
{
    /// <summary>Removes what is older than the options say. Returns how many rows went.</summary>
    public async Task<int> PruneAsync(CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var now = time.GetUtcNow();
        var failedBefore = now - options.Value.FailedRetention;
        var inboxBefore = now - options.Value.InboxRetention;
        var removed = await db.FailedMessages.Where(f => f.SetAsideAt < failedBefore).ExecuteDeleteAsync(cancellationToken);

        // A message that may still be delivered again must stay recognisable to the endpoints that have handled it.
        removed += await db.Inbox
            .Where(i => i.ReceivedAt < inboxBefore
                && !db.Outbox.Any(m => m.MessageId == i.MessageId)
                && !db.FailedMessages.Any(f => f.MessageId == i.MessageId))
            .ExecuteDeleteAsync(cancellationToken);
        return removed;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromHours(1), time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    await PruneAsync(stoppingToken);
                }
                catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
                {
                    Log.PruneFailed(logger, exception.Message);
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
        [LoggerMessage(EventId = 4301, Level = LogLevel.Warning, Message = "Old messages could not be removed and are tried again in an hour: {Reason}")]
        public static partial void PruneFailed(ILogger logger, string reason);
    }
}
