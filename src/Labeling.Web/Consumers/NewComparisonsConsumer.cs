using Labeling.Web.Features.Labeling;
using MassTransit;
using Rlhf.Contracts.Sampling;
using Rlhf.Data;

namespace Labeling.Web.Consumers;

/// <summary>
/// The policy has answered prompts: the answers become comparisons. The planner consumes the same message in the same process, so this
/// consumer, and with it its queue, is named after what it makes.
/// </summary>
internal sealed class NewComparisonsConsumer(AppDbContext db, TimeProvider time) : IConsumer<CompletionsSampled>
{
    public async Task Consume(ConsumeContext<CompletionsSampled> context)
    {
        var message = context.Message;
        await ComparisonTaskFactory.AddFromRunAsync(db, message.ProjectId, message.RunId, message.Round, time.GetUtcNow(), context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}
