using MassTransit;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Runs;
using Trainer.Service.Algorithms.Ppo;

namespace Trainer.Service.Consumers;

/// <summary>A policy run is wanted: it is queued once per command, with the project's configuration, which is checked first.</summary>
public sealed class StartPolicyRunConsumer(AppDbContext db) : IConsumer<StartRun>
{
    public async Task Consume(ConsumeContext<StartRun> context)
    {
        if (context.Message.Kind != RunKinds.Ppo)
        {
            return;
        }

        var json = await db.Projects.Where(p => p.Id == context.Message.ProjectId).Select(p => p.PpoConfigJson).SingleAsync(context.CancellationToken);
        var config = HyperparametersJson.Read<PpoConfig>(json) with { Seed = (ulong)context.Message.Seed };
        await RunQueue.EnqueueAsync(db, context.Message, HyperparametersJson.Write(config), context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}
