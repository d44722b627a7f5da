using MassTransit;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Training.Runs;

namespace Trainer.Service.Consumers;

/// <summary>A run of any kind is unwanted: a queued one ends at once, a running one when its worker looks at the row.</summary>
public sealed class CancelRunConsumer(AppDbContext db, TimeProvider clock) : IConsumer<CancelRun>
{
    public async Task Consume(ConsumeContext<CancelRun> context)
    {
        await RunQueue.RequestCancelAsync(db, context.Message.RunId, clock.GetUtcNow(), context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}
