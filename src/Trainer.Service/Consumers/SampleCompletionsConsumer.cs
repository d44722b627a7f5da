using MassTransit;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Sampling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Runs;
using Trainer.Service.Sampling;

namespace Trainer.Service.Consumers;

/// <summary>New answers are wanted: sampling is a run like any other.</summary>
public sealed class SampleCompletionsConsumer(AppDbContext db) : IConsumer<SampleCompletions>
{
    public async Task Consume(ConsumeContext<SampleCompletions> context)
    {
        var message = context.Message;
        var json = await db.Projects.Where(p => p.Id == message.ProjectId).Select(p => p.SamplingConfigJson).SingleAsync(context.CancellationToken);
        var config = HyperparametersJson.Read<SamplingConfig>(json) with { PromptCount = message.PromptCount, CompletionsPerPrompt = message.CompletionsPerPrompt };
        var command = new StartRun
        {
            CommandId = message.CommandId,
            ProjectId = message.ProjectId,
            CycleId = message.CycleId,
            Kind = RunKinds.Sample,
            Seed = message.Seed,
            PolicyCheckpointId = message.CheckpointId,
        };
        await RunQueue.EnqueueAsync(db, command, HyperparametersJson.Write(config), context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}
