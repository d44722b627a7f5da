using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Rlhf.Data;

namespace Rlhf.Hosting.Messaging;

/// <summary>
/// Opens the transaction a consumer works in and writes the inbox row first: a concurrent second delivery waits for this one to end and is then
/// recognised. Sits inside the retry policy, so every try has its own scope and context.
/// </summary>
internal sealed class InboxFilter<T>(
    AppDbContext db,
    OutboxSettlement settlement,
    OutboxSignal signal,
    IOptions<MessagingOptions> options,
    TimeProvider time) : IFilter<ConsumeContext<T>>
    where T : class
{
    public void Probe(ProbeContext context) => context.CreateFilterScope("inbox");

    public async Task Send(ConsumeContext<T> context, IPipe<ConsumeContext<T>> next)
    {
        var messageId = context.MessageId ?? throw new ArgumentException($"{typeof(T).Name} came without a message id; messages are published through the outbox.");
        var endpoint = EndpointMap.NameOf(context.ReceiveContext.InputAddress);
        var cancellationToken = context.CancellationToken;

        context.ReceiveContext.AddOrUpdatePayload(() => KnownMessage.Instance, known => known);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var isSetAside = await IsSetAsideAsync(messageId, endpoint, cancellationToken);
        if (!isSetAside && await InsertAsync(messageId, endpoint, cancellationToken))
        {
            if (await MustWaitAsync(MessagePlace.Read(context.Headers), endpoint, cancellationToken))
            {
                throw new HeldBackException();
            }

            await next.Send(context);
            if (db.ChangeTracker.HasChanges())
            {
                throw new InvalidOperationException($"The consumer on '{endpoint}' returned without saving its changes.");
            }
        }

        if (!isSetAside)
        {
            // Also of a message that was handled long ago: a second delivery of it may have failed, and what is written down holds back later ones.
            await db.FailedMessages.Where(f => f.MessageId == messageId && f.Endpoint == endpoint).ExecuteDeleteAsync(cancellationToken);
        }

        if (!options.Value.IsDurable)
        {
            await settlement.SettleAsync(db, messageId, typeof(T), cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        if (!options.Value.IsDurable)
        {
            // The next message of the aggregate may go.
            signal.Raise();
        }
    }

    private Task<bool> MustWaitAsync(MessagePlace place, string endpoint, CancellationToken cancellationToken) => place.Aggregate is { } aggregate
        ? db.FailedMessages.AnyAsync(f => f.Aggregate == aggregate && f.Endpoint == endpoint && f.OutboxId < place.OutboxId && f.SetAsideAt == null, cancellationToken)
        : Task.FromResult(false);

    private Task<bool> IsSetAsideAsync(Guid messageId, string endpoint, CancellationToken cancellationToken) =>
        db.FailedMessages.AnyAsync(f => f.MessageId == messageId && f.Endpoint == endpoint && f.SetAsideAt != null, cancellationToken);

    private async Task<bool> InsertAsync(Guid messageId, string endpoint, CancellationToken cancellationToken)
    {
        object receivedAt = db.IsSqlite() ? time.GetUtcNow().UtcTicks : time.GetUtcNow();
        return await db.Database.ExecuteSqlAsync(
            $"""INSERT INTO "Inbox" ("MessageId", "Endpoint", "ReceivedAt") VALUES ({messageId}, {endpoint}, {receivedAt}) ON CONFLICT DO NOTHING""",
            cancellationToken) == 1;
    }
}
