using System.Collections.Concurrent;
using MassTransit;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Rlhf.Hosting.Tests.Messaging;

/// <summary>What the consumers of a test do before they work, and what they were given.</summary>
internal sealed class Script
{
    public ConcurrentQueue<(string Consumer, Guid MessageId)> Deliveries { get; } = new();

    public Func<string, CancellationToken, Task> Before { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>Runs after the consumer's save and before the commit of the inbox transaction.</summary>
    public Func<string, Task> After { get; set; } = _ => Task.CompletedTask;

    public async Task RunAsync(ConsumeContext context, string consumer, Func<Task> work)
    {
        Deliveries.Enqueue((consumer, context.MessageId!.Value));
        await Before(consumer, context.CancellationToken);
        await work();
        await After(consumer);
    }
}

/// <summary>Effect: a decision row per judgment, and an outgoing message.</summary>
internal sealed class CountJudgmentConsumer(AppDbContext db, Script script) : IConsumer<JudgmentRecorded>
{
    public const string Name = "count";

    public Task Consume(ConsumeContext<JudgmentRecorded> context) => script.RunAsync(context, Name, async () =>
    {
        db.CycleDecisions.Add(new CycleDecision { ProjectId = context.Message.ProjectId, Decision = $"{Name} {context.Message.JudgmentId}" });
        OutboxWriter.Add(db, new CancelRun { RunId = context.Message.JudgmentId });
        await db.SaveChangesAsync(context.CancellationToken);
    });
}

/// <summary>A second endpoint of the same event.</summary>
internal sealed class ShowJudgmentConsumer(AppDbContext db, Script script) : IConsumer<JudgmentRecorded>
{
    public const string Name = "show";

    public Task Consume(ConsumeContext<JudgmentRecorded> context) => script.RunAsync(context, Name, async () =>
    {
        db.CycleDecisions.Add(new CycleDecision { ProjectId = context.Message.ProjectId, Decision = $"{Name} {context.Message.JudgmentId}" });
        await db.SaveChangesAsync(context.CancellationToken);
    });
}

/// <summary>Does what the start of a run does.</summary>
internal sealed class InsertRunConsumer(AppDbContext db, Script script) : IConsumer<StartRun>
{
    public const string Name = "insert";

    public Task Consume(ConsumeContext<StartRun> context) => script.RunAsync(context, Name, async () =>
    {
        if (!await db.Runs.AnyAsync(r => r.CommandId == context.Message.CommandId, context.CancellationToken))
        {
            db.Runs.Add(new Run { ProjectId = context.Message.ProjectId, Kind = context.Message.Kind, CommandId = context.Message.CommandId });
            await db.SaveChangesAsync(context.CancellationToken);
        }
    });
}

/// <summary>Breaks the rule that a consumer saves.</summary>
internal sealed class ForgetfulConsumer(AppDbContext db) : IConsumer<PromptsImported>
{
    public Task Consume(ConsumeContext<PromptsImported> context)
    {
        db.CycleDecisions.Add(new CycleDecision { ProjectId = context.Message.ProjectId, Decision = "forgotten" });
        return Task.CompletedTask;
    }
}
