using MassTransit;
using Microsoft.EntityFrameworkCore;
using RewardModel.Service.Training;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Runs;

namespace RewardModel.Service.Consumers;

/// <summary>A reward-model run is wanted: it is queued once per command, with the project's configuration, which is checked first.</summary>
public sealed class StartRewardModelRunConsumer(AppDbContext db) : IConsumer<StartRun>
{
    public async Task Consume(ConsumeContext<StartRun> context)
    {
        if (context.Message.Kind != RunKinds.RewardModel)
        {
            return;
        }

        var json = await db.Projects.Where(p => p.Id == context.Message.ProjectId).Select(p => p.RewardConfigJson).SingleAsync(context.CancellationToken);
        var config = HyperparametersJson.Read<RewardModelConfig>(json) with { Seed = (ulong)context.Message.Seed };
        await RunQueue.EnqueueAsync(db, context.Message, HyperparametersJson.Write(config), context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}
