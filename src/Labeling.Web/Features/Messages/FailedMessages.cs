using Microsoft.EntityFrameworkCore;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Hosting.Messaging;

namespace Labeling.Web.Features.Messages;

/// <summary>What waits in the outbox and what was set aside, for administrators.</summary>
public sealed class FailedMessages(IDbContextFactory<AppDbContext> contexts, FailedMessageStore store)
{
    private const int Limit = 200;

    /// <summary>Messages that some endpoint could not handle, newest failure first.</summary>
    public async Task<IReadOnlyList<FailedMessage>> ListAsync(CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.FailedMessages.AsNoTracking().OrderByDescending(m => m.LastFailedAt).Take(Limit).ToListAsync(cancellationToken);
    }

    /// <summary>Types of messages that were set aside, and how many of each.</summary>
    public async Task<IReadOnlyList<(string Type, int Count)>> SetAsideAsync(CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var types = await db.FailedMessages.Where(m => m.SetAsideAt != null).GroupBy(m => m.Type).OrderBy(g => g.Key).Select(g => new { g.Key, Count = g.Count() }).ToListAsync(cancellationToken);
        return [.. types.Select(t => (t.Key, t.Count))];
    }

    /// <summary>Messages that could not be published so far.</summary>
    public async Task<IReadOnlyList<OutboxMessage>> UnpublishedAsync(CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Outbox.AsNoTracking().Where(m => m.LastError != null).OrderBy(m => m.Id).Take(Limit).ToListAsync(cancellationToken);
    }

    /// <summary>How many messages wait to be published or settled.</summary>
    public async Task<int> PendingAsync(CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Outbox.CountAsync(cancellationToken);
    }

    /// <summary>Delivers a message once more. False if it is not set aside any more.</summary>
    public Task<bool> ReplayAsync(FailedMessage message, CancellationToken cancellationToken = default) =>
        store.RetryAsync(message.MessageId, message.Endpoint, cancellationToken);

    /// <summary>Delivers every message of a type that is set aside once more, in the order they were written. Returns how many.</summary>
    public Task<int> ReplayAllAsync(string type, CancellationToken cancellationToken = default) => store.RetryAllAsync(type, cancellationToken);

    /// <summary>Forgets a message. False if it is not set aside any more.</summary>
    public Task<bool> DiscardAsync(FailedMessage message, CancellationToken cancellationToken = default) =>
        store.DiscardAsync(message.MessageId, message.Endpoint, cancellationToken);
}
