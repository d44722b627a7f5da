using MassTransit;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Sampling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Trainer.Service.Cycles;

namespace Trainer.Service.Consumers;

// Everything the planner listens to. The inbox filter in front of each gives the scoped context its transaction and drops repeats.

/// <summary>New prompts: a project without answers gets its first ones.</summary>
public sealed class PromptsImportedConsumer(AppDbContext db, CyclePlanner planner) : IConsumer<PromptsImported>
{
    public async Task Consume(ConsumeContext<PromptsImported> context)
    {
        await planner.BootstrapAsync(context.Message.ProjectId, context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}

/// <summary>A new judgment: perhaps there are enough for a cycle now.</summary>
public sealed class JudgmentRecordedConsumer(AppDbContext db, CyclePlanner planner) : IConsumer<JudgmentRecorded>
{
    public async Task Consume(ConsumeContext<JudgmentRecorded> context)
    {
        await planner.ConsiderAsync(context.Message.ProjectId, context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}

/// <summary>A run of the cycle is done: gate, improve or publish.</summary>
public sealed class RunCompletedConsumer(AppDbContext db, CyclePlanner planner) : IConsumer<RunCompleted>
{
    public async Task Consume(ConsumeContext<RunCompleted> context)
    {
        await planner.RunCompletedAsync(context.Message, context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}

/// <summary>A run of the cycle failed.</summary>
public sealed class RunFailedConsumer(AppDbContext db, CyclePlanner planner) : IConsumer<RunFailed>
{
    public async Task Consume(ConsumeContext<RunFailed> context)
    {
        var message = context.Message;
        await planner.RunEndedBadlyAsync(message.RunId, message.CycleId, message.Error, context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}

/// <summary>A run of the cycle was cancelled by a person.</summary>
public sealed class RunCancelledConsumer(AppDbContext db, CyclePlanner planner) : IConsumer<RunCancelled>
{
    public async Task Consume(ConsumeContext<RunCancelled> context)
    {
        var message = context.Message;
        await planner.RunEndedBadlyAsync(message.RunId, message.CycleId, "cancelled", context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}

/// <summary>The new answers are there: the cycle is complete.</summary>
public sealed class CompletionsSampledConsumer(AppDbContext db, CyclePlanner planner) : IConsumer<CompletionsSampled>
{
    public async Task Consume(ConsumeContext<CompletionsSampled> context)
    {
        await planner.CompletionsSampledAsync(context.Message, context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}
