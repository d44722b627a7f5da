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
    private readonly IEnumerable<IFailedMessageHandler> _handlers;
    private readonly MessagingOptions _options;
    private readonly TimeProvider _time;

    internal FailedMessageStore(
        IDbContextFactory<AppDbContext> contexts,
        OutboxSettlement settlement,
        IEnumerable<IFailedMessageHandler> handlers,
        IOptions<MessagingOptions> options,
        TimeProvider time)
    {
        _contexts = contexts;
        _settlement = settlement;
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
    internal async Task<bool> RecordAsync(Guid messageId, string endpoint, object message, Exception error, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await TryRecordAsync(messageId, endpoint, message, error, cancellationToken);
            }
            catch (DbUpdateException) when (attempt < 5)
            {
                // The dispatcher removed the row, or another endpoint that failed put it back, between our reading and writing.
            }
        }
    }

    /// <summary>A row of the outbox cannot be read by this program: it is set aside without an endpoint.</summary>
    internal async Task SetAsideUnreadableAsync(OutboxMessage row, Exception error, CancellationToken cancellationToken)
    {
        await using var db = await _contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var now = _time.GetUtcNow();
        db.FailedMessages.Add(new FailedMessage
        {
            MessageId = row.MessageId,
            Endpoint = "",
            Type = row.Type,
            Body = row.Body,
            Attempts = 1,
            Error = error.Message,
            FirstFailedAt = now,
            LastFailedAt = now,
            SetAsideAt = now,
        });
        await db.SaveChangesAsync(cancellationToken);
        await db.Outbox.Where(m => m.Id == row.Id).ExecuteDeleteAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private async Task<bool> TryRecordAsync(Guid messageId, string endpoint, object message, Exception error, CancellationToken cancellationToken)
    {
        await using var db = await _contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var now = _time.GetUtcNow();
        var failed = await db.FailedMessages.SingleOrDefaultAsync(f => f.MessageId == messageId && f.Endpoint == endpoint, cancellationToken);
        if (failed is null)
        {
            failed = new FailedMessage
            {
                MessageId = messageId,
                Endpoint = endpoint,
                Type = MessageTypes.NameOf(message.GetType()),
                Body = MessageJson.Serialize(message),
                Error = "",
                FirstFailedAt = now,
            };
            db.FailedMessages.Add(failed);
        }

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
        return again;
    }

    private async Task ToOutboxAsync(AppDbContext db, FailedMessage failed, TimeSpan delay, CancellationToken cancellationToken)
    {
        var now = _time.GetUtcNow();
        var row = await db.Outbox.SingleOrDefaultAsync(m => m.MessageId == failed.MessageId, cancellationToken);
        if (row is null)
        {
            row = new OutboxMessage { MessageId = failed.MessageId, Type = failed.Type, Body = failed.Body, CreatedAt = now };
            db.Outbox.Add(row);
        }

        row.DispatchedAt = null;
        row.NextAttemptAt = delay > TimeSpan.Zero ? now + delay : null;
    }
}
