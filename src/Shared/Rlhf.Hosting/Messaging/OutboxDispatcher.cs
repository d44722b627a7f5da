using System.Text.Json;
using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Rlhf.Contracts;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Rlhf.Hosting.Messaging;

/// <summary>
/// Publishes outbox rows in the order of their ids, each under the message id it was written with. A row is taken in a short transaction
/// (so several dispatchers never take the same one), published outside it, and removed when it is delivered: by the broker's confirmation, or,
/// in memory, by the last consumer's own transaction. Whatever dies in between, the row is still there and is published again.
/// </summary>
public sealed partial class OutboxDispatcher : BackgroundService
{
    private const int MaxInFlightInMemory = 500;
    private static readonly TimeSpan s_publishTimeout = TimeSpan.FromSeconds(10);

    private readonly IDbContextFactory<AppDbContext> _contexts;
    private readonly IBusControl _bus;
    private readonly EndpointMap _endpoints;
    private readonly FailedMessageStore _failed;
    private readonly OutboxSignal _signal;
    private readonly MessagingOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<OutboxDispatcher> _logger;

    /// <summary>Made by the container.</summary>
    public OutboxDispatcher(
        IDbContextFactory<AppDbContext> contexts,
        IBusControl bus,
        EndpointMap endpoints,
        FailedMessageStore failed,
        OutboxSignal signal,
        IOptions<MessagingOptions> options,
        TimeProvider time,
        ILogger<OutboxDispatcher> logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_contexts, _bus, _endpoints, _failed, _signal, _options, _time, _logger) = (contexts, bus, endpoints, failed, signal, options.Value, time, logger);
    }

    /// <summary>Takes and publishes one batch. Returns how many rows it took.</summary>
    public async Task<int> DispatchAsync(CancellationToken cancellationToken)
    {
        var rows = await TakeAsync(cancellationToken);
        foreach (var row in rows)
        {
            await DeliverAsync(row, cancellationToken);
        }

        return rows.Count;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var started = false;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                // Without a broker nothing is tried, so an outage costs no attempts.
                await _bus.WaitForHealthStatus(BusHealthStatus.Healthy, stoppingToken);
                if (!started)
                {
                    await ForgetDeadProcessAsync(stoppingToken);
                    started = true;
                }

                if (await DispatchAsync(stoppingToken) < _options.BatchSize)
                {
                    await _signal.WaitAsync(_options.PollInterval, stoppingToken);
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception)
            {
                Log.DispatchFailed(_logger, exception.Message);
                await _signal.WaitAsync(TimeSpan.FromSeconds(1), stoppingToken);
            }
        }
    }

    // The in-memory queues died with the process that filled them, and this process is the only one: everything taken is to be published again.
    private async Task ForgetDeadProcessAsync(CancellationToken cancellationToken)
    {
        if (!_options.IsDurable)
        {
            await using var db = await _contexts.CreateDbContextAsync(cancellationToken);
            await db.Outbox.Where(m => m.DispatchedAt != null).ExecuteUpdateAsync(set => set.SetProperty(m => m.DispatchedAt, (DateTimeOffset?)null), cancellationToken);
        }
    }

    private async Task<IReadOnlyList<OutboxMessage>> TakeAsync(CancellationToken cancellationToken)
    {
        await using var db = await _contexts.CreateDbContextAsync(cancellationToken);
        var now = _time.GetUtcNow();
        var lost = now - _options.RedeliverAfter;
        var ready = db.Outbox.AsNoTracking().Where(m => m.DispatchedAt == null ? m.NextAttemptAt == null || m.NextAttemptAt <= now : m.DispatchedAt < lost);

        // An idle dispatcher takes no write lock.
        if (!await ready.AnyAsync(cancellationToken))
        {
            return [];
        }

        var limit = _options.BatchSize;
        if (!_options.IsDurable)
        {
            limit = Math.Min(limit, MaxInFlightInMemory - await db.Outbox.CountAsync(m => m.DispatchedAt >= lost, cancellationToken));
            if (limit <= 0)
            {
                return [];
            }
        }

        // SQLite: beginning a transaction takes the one write lock. PostgreSQL: rows another dispatcher has locked are skipped.
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var rows = await (db.IsSqlite() ? ready.OrderBy(m => m.Id).Take(limit) : LockedRows(db, now, lost, limit)).ToListAsync(cancellationToken);
        var ids = rows.ConvertAll(m => m.Id);
        await db.Outbox.Where(m => ids.Contains(m.Id)).ExecuteUpdateAsync(set => set.SetProperty(m => m.DispatchedAt, now), cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return [.. rows.OrderBy(m => m.Id)];
    }

    private static IQueryable<OutboxMessage> LockedRows(AppDbContext db, DateTimeOffset now, DateTimeOffset lost, int limit) =>
        db.Outbox.FromSql(
            $"""
            SELECT * FROM "Outbox"
            WHERE ("DispatchedAt" IS NULL AND ("NextAttemptAt" IS NULL OR "NextAttemptAt" <= {now})) OR "DispatchedAt" < {lost}
            ORDER BY "Id" LIMIT {limit} FOR UPDATE SKIP LOCKED
            """).AsNoTracking();

    private async Task DeliverAsync(OutboxMessage row, CancellationToken cancellationToken)
    {
        object message;
        Type type;
        try
        {
            type = MessageTypes.Find(row.Type)
                ?? throw new NotSupportedException($"Message type '{row.Type}' is unknown to this program; known: {string.Join(", ", MessageTypes.All.Keys.Order(StringComparer.Ordinal))}.");
            message = MessageJson.Deserialize(row.Body, type);
        }
        catch (Exception exception) when (exception is NotSupportedException or JsonException)
        {
            Log.Unreadable(_logger, row.MessageId, row.Type, exception.Message);
            await _failed.SetAsideUnreadableAsync(row, exception, cancellationToken);
            return;
        }

        try
        {
            await PublishAsync(row.MessageId, message, type, cancellationToken);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            Log.PublishFailed(_logger, row.MessageId, row.Type, exception.Message);
            await PutBackAsync(row, exception, cancellationToken);
            return;
        }

        if (_options.IsDurable || _endpoints.EndpointsOf(type).Count == 0)
        {
            // Unless a consumer has failed meanwhile and put the row back.
            await using var db = await _contexts.CreateDbContextAsync(cancellationToken);
            await db.Outbox.Where(m => m.Id == row.Id && m.DispatchedAt != null).ExecuteDeleteAsync(cancellationToken);
        }
    }

    private async Task PublishAsync(Guid messageId, object message, Type type, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(s_publishTimeout);
        var isCommand = MessageTypes.Commands.Contains(type);
        var pipe = Pipe.Execute<PublishContext>(context =>
        {
            context.MessageId = messageId;

            // A broker drops, and confirms, what no queue is bound for. A command must wait for the service that takes it.
            if (isCommand && context.TryGetPayload<RabbitMqSendContext>(out var rabbit))
            {
                rabbit.Mandatory = true;
            }
        });
        await _bus.Publish(message, type, pipe, timeout.Token);
    }

    private async Task PutBackAsync(OutboxMessage row, Exception exception, CancellationToken cancellationToken)
    {
        await using var db = await _contexts.CreateDbContextAsync(cancellationToken);
        DateTimeOffset? next = _time.GetUtcNow() + _options.DelayAfter(row.Attempts + 1);
        await db.Outbox.Where(m => m.Id == row.Id).ExecuteUpdateAsync(
            set => set
                .SetProperty(m => m.DispatchedAt, (DateTimeOffset?)null)
                .SetProperty(m => m.NextAttemptAt, next)
                .SetProperty(m => m.Attempts, m => m.Attempts + 1)
                .SetProperty(m => m.LastError, exception.Message),
            cancellationToken);
    }

    private static partial class Log
    {
        [LoggerMessage(EventId = 4201, Level = LogLevel.Warning, Message = "Outbox rows could not be dispatched: {Reason}")]
        public static partial void DispatchFailed(ILogger logger, string reason);

        [LoggerMessage(EventId = 4202, Level = LogLevel.Warning, Message = "Message {MessageId} ({Type}) could not be published and is tried again: {Reason}")]
        public static partial void PublishFailed(ILogger logger, Guid messageId, string type, string reason);

        [LoggerMessage(EventId = 4203, Level = LogLevel.Error, Message = "Message {MessageId} ({Type}) was set aside: {Reason}")]
        public static partial void Unreadable(ILogger logger, Guid messageId, string type, string reason);
    }
}
