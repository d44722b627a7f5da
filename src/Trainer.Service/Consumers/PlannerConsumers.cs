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

/// <summary>An annotator's judgments were taken back: note it, or run the cycles that counted them again.</summary>
public sealed class JudgmentsRetractedConsumer(AppDbContext db, PolicyRollback rollback) : IConsumer<JudgmentsRetracted>
{
    public async Task Consume(ConsumeContext<JudgmentsRetracted> context)
    {
        await rollback.RequeueAsync(context.Message, context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}

/// <summary>A run of the cycle is done: gate, improve or publish.</summary>
public sealed class RunCompletedConsumer(AppDbContext db, CyclePlanner planner) : IConsumer<RunCompleted>
{
    public async Task Consume(ConsumeContext<RunCompleted> context)
    {
        await planner.MoveAsync(context.Message.CycleId, context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}

/// <summary>A run of the cycle failed.</summary>
public sealed class RunFailedConsumer(AppDbContext db, CyclePlanner planner) : IConsumer<RunFailed>
{
    public async Task Consume(ConsumeContext<RunFailed> context)
    {
        await planner.MoveAsync(context.Message.CycleId, context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}

/// <summary>A run of the cycle was cancelled.</summary>
public sealed class RunCancelledConsumer(AppDbContext db, CyclePlanner planner) : IConsumer<RunCancelled>
{
    public async Task Consume(ConsumeContext<RunCancelled> context)
    {
        await planner.MoveAsync(context.Message.CycleId, context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}

/// <summary>The new answers are there: the cycle is complete.</summary>
public sealed class CompletionsSampledConsumer(AppDbContext db, CyclePlanner planner) : IConsumer<CompletionsSampled>
{
    public async Task Consume(ConsumeContext<CompletionsSampled> context)
    {
        await planner.MoveAsync(context.Message.CycleId, context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}

/// <summary>Somebody resumes a project or asks for one step.</summary>
public sealed class AdvanceCycleConsumer(AppDbContext db, CyclePlanner planner) : IConsumer<AdvanceCycle>
{
    public async Task Consume(ConsumeContext<AdvanceCycle> context)
    {
        await planner.AdvanceAsync(context.Message, context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}

/// <summary>Somebody wants an earlier policy back.</summary>
public sealed class RollBackPolicyConsumer(AppDbContext db, PolicyRollback rollback) : IConsumer<RollBackPolicy>
{
    public async Task Consume(ConsumeContext<RollBackPolicy> context)
    {
        await rollback.RollBackAsync(context.Message, context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}
