using MassTransit;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Training.Runs;

namespace Trainer.Service.Consumers;

/// <summary>A policy run is wanted: it is queued once per command, with the project's configuration copied into it.</summary>
public sealed class StartRunConsumer(AppDbContext db, RunRequests requests) : IConsumer<StartRun>
{
    public async Task Consume(ConsumeContext<StartRun> context)
    {
        if (context.Message.Kind is RunKinds.Ppo or RunKinds.Sft)
        {
            await requests.QueueAsync(context.Message, context.CancellationToken);
            await db.SaveChangesAsync(context.CancellationToken);
        }
    }
}

/// <summary>New answers are wanted: sampling is a run like any other.</summary>
public sealed class SampleCompletionsConsumer(AppDbContext db, RunRequests requests) : IConsumer<Rlhf.Contracts.Sampling.SampleCompletions>
{
    public async Task Consume(ConsumeContext<Rlhf.Contracts.Sampling.SampleCompletions> context)
    {
        await requests.QueueAsync(context.Message, context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}

/// <summary>A run is unwanted: the worker stops it at its next step.</summary>
public sealed class CancelRunConsumer(AppDbContext db, RunRequests requests) : IConsumer<CancelRun>
{
    public async Task Consume(ConsumeContext<CancelRun> context)
    {
        await requests.CancelAsync(context.Message.RunId, context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}
