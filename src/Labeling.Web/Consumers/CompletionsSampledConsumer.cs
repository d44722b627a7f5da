using Labeling.Web.Features.Labeling;
using MassTransit;
using Rlhf.Contracts.Sampling;
using Rlhf.Data;

namespace Labeling.Web.Consumers;

/// <summary>The policy has answered prompts: the answers become comparisons.</summary>
internal sealed class CompletionsSampledConsumer(AppDbContext db, TimeProvider time) : IConsumer<CompletionsSampled>
{
    public async Task Consume(ConsumeContext<CompletionsSampled> context)
    {
        var message = context.Message;
        await ComparisonTaskFactory.AddFromRunAsync(db, message.ProjectId, message.RunId, message.Round, time.GetUtcNow(), context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}
