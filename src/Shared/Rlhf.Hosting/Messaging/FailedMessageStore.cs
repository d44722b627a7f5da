using System.Data.Common;
using System.Net.Sockets;
using System.Text.Json;
using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Rlhf.Contracts;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Rlhf.Hosting.Messaging;

/// <summary>
/// Failed deliveries. A failed message goes back to the outbox and is delivered again later (brokers without a plug-in cannot delay);
/// endpoints that had already handled it recognise it. After the last attempt it is set aside with its reason.
/// </summary>
public sealed class FailedMessageStore
{
    private readonly IDbContextFactory<AppDbContext> _contexts;
    private readonly OutboxSettlement _settlement;
    private readonly OutboxSignal _signal;
    private readonly IEnumerable<IFailedMessageHandler> _handlers;
    private readonly MessagingOptions _options;
    private readonly TimeProvider _time;

    internal FailedMessageStore(
        IDbContextFactory<AppDbContext> contexts,
        OutboxSettlement settlement,
        OutboxSignal signal,
        IEnumerable<IFailedMessageHandler> handlers,
        IOptions<MessagingOptions> options,
        TimeProvider time)
    {
        _contexts = contexts;
        _settlement = settlement;
        _signal = signal;
        _handlers = handlers;
        _options = options.Value;
        _time = time;
    }

    /// <summary>Delivers a message that was set aside once more, with a fresh count of attempts.</summary>
    /// <returns>False when there is no such message, or it is not set aside.</returns>
    public async Task<bool> RetryAsync(Guid messageId, string endpoint, CancellationToken cancellationToken = default)
    {
        await using var db = await _contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var failed = await db.FailedMessages.SingleOrDefaultAsync(f => f.MessageId == messageId && f.Endpoint == endpoint && f.SetAsideAt != null, cancellationToken);
        if (failed is null)
        {
            return false;
        }

        await ToOutboxAsync(db, failed, TimeSpan.Zero, cancellationToken);
        db.FailedMessages.Remove(failed);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return true;
    }

    /// <summary>Delivers every message of a type that was set aside once more.</summary>
    /// <param name="type">Stable name in <see cref="MessageTypes"/>.</param>
    /// <param name="cancellationToken">Cancels; what was done stays done.</param>
    /// <returns>How many.</returns>
    public async Task<int> RetryAllAsync(string type, CancellationToken cancellationToken = default)
    {
        await using var db = await _contexts.CreateDbContextAsync(cancellationToken);
        var failed = await db.FailedMessages.Where(f => f.Type == type && f.SetAsideAt != null).OrderBy(f => f.OutboxId).Select(f => new { f.MessageId, f.Endpoint }).ToListAsync(cancellationToken);
        var count = 0;
        foreach (var message in failed)
        {
            count += await RetryAsync(message.MessageId, message.Endpoint, cancellationToken) ? 1 : 0;
        }

        return count;
    }

    /// <summary>Forgets a message that was set aside.</summary>
    /// <returns>False when there is no such message, or it is not set aside.</returns>
    public async Task<bool> DiscardAsync(Guid messageId, string endpoint, CancellationToken cancellationToken = default)
    {
        await using var db = await _contexts.CreateDbContextAsync(cancellationToken);
        return await db.FailedMessages
            .Where(f => f.MessageId == messageId && f.Endpoint == endpoint && f.SetAsideAt != null)
            .ExecuteDeleteAsync(cancellationToken) > 0;
    }

    /// <summary>Whether delivering the message again could not help: it is what the message says that is wrong.</summary>
    internal static bool IsPermanent(Exception exception) => exception is ArgumentException or FormatException or JsonException or NotSupportedException;

    /// <summary>An endpoint failed. Returns true when the message will be delivered again, false when it is set aside now.</summary>
    internal Task<bool> RecordAsync(Guid messageId, string endpoint, MessagePlace place, object message, Exception error, CancellationToken cancellationToken) =>
        AgainAsync(() => TryRecordAsync(messageId, endpoint, place, message, error, cancellationToken), cancellationToken);

    /// <summary>
    /// A message came to an endpoint where an earlier one of its aggregate waits: it goes back behind that one, which costs it no attempt. It is written
    /// down like a failed one, so that a still later one that is on the queue already does not pass it.
    /// </summary>
    internal Task HoldBackAsync(Guid messageId, string endpoint, MessagePlace place, object message, Exception reason, CancellationToken cancellationToken) => AgainAsync(async () =>
    {
        await using var db = await _contexts.CreateDbContextAsync(cancellationToken);
        var failed = await FindOrAddAsync(db, messageId, endpoint, place, message, cancellationToken);
        failed.Error = reason.Message;
        failed.LastFailedAt = _time.GetUtcNow();
        await ToOutboxAsync(db, failed, TimeSpan.Zero, cancellationToken);
        await db.SaveChangesAsync(cancellationToken);
        return true;
    }, cancellationToken);

    /// <summary>A row of the outbox cannot be read by this program: it is set aside without an endpoint.</summary>
    internal async Task SetAsideUnreadableAsync(OutboxMessage row, Exception error, CancellationToken cancellationToken)
    {
        await using var db = await _contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        db.FailedMessages.Add(SetAside(row.MessageId, "", new MessagePlace(row.Id, row.Aggregate, row.TraceParent), row.Type, row.Body, error.Message));
        await db.SaveChangesAsync(cancellationToken);
        await db.Outbox.Where(m => m.Id == row.Id).ExecuteDeleteAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>A message lay in an endpoint's queue that no consumer of this program takes.</summary>
    internal Task SetAsideUnknownAsync(Guid messageId, string endpoint, MessagePlace place, string messageUrn, string body, CancellationToken cancellationToken) => AgainAsync(async () =>
    {
        await using var db = await _contexts.CreateDbContextAsync(cancellationToken);
        if (!await db.FailedMessages.AnyAsync(f => f.MessageId == messageId && f.Endpoint == endpoint, cancellationToken))
        {
            var type = MessageTypes.All.FirstOrDefault(t => MessageUrn.ForTypeString(t.Value) == messageUrn).Key ?? messageUrn;
            db.FailedMessages.Add(SetAside(messageId, endpoint, place, type, body, $"'{endpoint}' of this program takes no {type}; a newer version of it does."));
            await db.SaveChangesAsync(cancellationToken);
        }

        return true;
    }, cancellationToken);

    private async Task<bool> AgainAsync(Func<Task<bool>> tryOnce, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await tryOnce();
            }
            catch (DbUpdateException) when (attempt < 5)
            {
                // The dispatcher removed the row, or another endpoint that failed put it back, between our reading and writing.
            }
            catch (Exception exception) when (IsAway(exception))
            {
                // What made the message fail keeps its failure from being written too. The broker keeps the message while we wait; given up
                // here it would lie in the error queue, and nothing would know of it.
                await Task.Delay(TimeSpan.FromSeconds(1), _time, cancellationToken);
            }
        }
    }

    private FailedMessage SetAside(Guid messageId, string endpoint, MessagePlace place, string type, string body, string reason)
    {
        var now = _time.GetUtcNow();
        return new FailedMessage
        {
            MessageId = messageId,
            Endpoint = endpoint,
            Type = type,
            Body = body,
            OutboxId = place.OutboxId,
            Aggregate = place.Aggregate,
            TraceParent = place.TraceParent,
            Attempts = 1,
            Error = reason,
            FirstFailedAt = now,
            LastFailedAt = now,
            SetAsideAt = now,
        };
    }

    private static bool IsAway(Exception? exception) =>
        exception is DbException { IsTransient: true } or SocketException or TimeoutException || (exception is not null && IsAway(exception.InnerException));

    private async Task<bool> TryRecordAsync(Guid messageId, string endpoint, MessagePlace place, object message, Exception error, CancellationToken cancellationToken)
    {
        await using var db = await _contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var now = _time.GetUtcNow();
        var failed = await FindOrAddAsync(db, messageId, endpoint, place, message, cancellationToken);
        failed.Attempts++;
        failed.Error = error.ToString();
        failed.LastFailedAt = now;
        var again = failed.Attempts < _options.MaxAttempts && !IsPermanent(error);
        if (again)
        {
            await ToOutboxAsync(db, failed, _options.DelayAfter(failed.Attempts), cancellationToken);
        }
        else
        {
            failed.SetAsideAt = now;
            foreach (var handler in _handlers)
            {
                await handler.HandleAsync(db, failed, message, cancellationToken);
            }
        }

        await db.SaveChangesAsync(cancellationToken);
        if (!again && !_options.IsDurable)
        {
            await _settlement.SettleAsync(db, messageId, message.GetType(), cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        _signal.Raise();
        return again;
    }

    private async Task<FailedMessage> FindOrAddAsync(AppDbContext db, Guid messageId, string endpoint, MessagePlace place, object message, CancellationToken cancellationToken)
    {
        var failed = await db.FailedMessages.SingleOrDefaultAsync(f => f.MessageId == messageId && f.Endpoint == endpoint, cancellationToken);
        if (failed is null)
        {
            failed = new FailedMessage
            {
                MessageId = messageId,
                Endpoint = endpoint,
                Type = MessageTypes.NameOf(message.GetType()),
                Body = MessageJson.Serialize(message),
                OutboxId = place.OutboxId,
                Aggregate = place.Aggregate,
                TraceParent = place.TraceParent,
                Error = "",
                FirstFailedAt = _time.GetUtcNow(),
            };
            db.FailedMessages.Add(failed);
        }

        return failed;
    }

    // Under the key it had: its place among the messages of its aggregate.
    private async Task ToOutboxAsync(AppDbContext db, FailedMessage failed, TimeSpan delay, CancellationToken cancellationToken)
    {
        var now = _time.GetUtcNow();
        var row = await db.Outbox.SingleOrDefaultAsync(m => m.MessageId == failed.MessageId, cancellationToken);
        if (row is null)
        {
            row = new OutboxMessage
            {
                Id = failed.OutboxId,
                MessageId = failed.MessageId,
                Type = failed.Type,
                Body = failed.Body,
                Aggregate = failed.Aggregate,
                TraceParent = failed.TraceParent,
                CreatedAt = now,
            };
            db.Outbox.Add(row);
        }

        row.DispatchedAt = null;
        row.NextAttemptAt = delay > TimeSpan.Zero ? now + delay : null;
    }
}
