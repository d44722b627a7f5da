using Microsoft.EntityFrameworkCore;
using Rlhf.Data;

namespace Rlhf.Hosting.Messaging;

/// <summary>In-memory transport: an outbox row goes when every endpoint that consumes the message has committed its effect or set the message aside.</summary>
internal sealed class OutboxSettlement(EndpointMap endpoints)
{
    /// <summary>Removes the row if it is settled, in the transaction of the caller.</summary>
    public async Task SettleAsync(AppDbContext db, Guid messageId, Type messageType, CancellationToken cancellationToken)
    {
        // Two endpoints that finish at once must not each miss the other's inbox row: the update locks the outbox row until the caller commits.
        if (await db.Outbox.Where(m => m.MessageId == messageId).ExecuteUpdateAsync(set => set.SetProperty(m => m.Attempts, m => m.Attempts), cancellationToken) == 0)
        {
            return;
        }

        var expected = endpoints.EndpointsOf(messageType);
        var handled = await db.Inbox.CountAsync(i => i.MessageId == messageId && expected.Contains(i.Endpoint), cancellationToken);
        if (handled < expected.Count)
        {
            handled += await db.FailedMessages.CountAsync(f => f.MessageId == messageId && f.SetAsideAt != null && expected.Contains(f.Endpoint), cancellationToken);
        }

        if (handled >= expected.Count)
        {
            await db.Outbox.Where(m => m.MessageId == messageId).ExecuteDeleteAsync(cancellationToken);
        }
    }
}
