using MassTransit;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Runs;
using Trainer.Service.Algorithms;

namespace Trainer.Service.Consumers;

/// <summary>A policy run is wanted: it is queued once per command, with the project's configuration, which is checked first.</summary>
public sealed class StartPolicyRunConsumer(AppDbContext db) : IConsumer<StartRun>
{
    public async Task Consume(ConsumeContext<StartRun> context)
    {
        var kind = context.Message.Kind;
        if (!RunKinds.PolicyAlgorithms.Contains(kind))
        {
            return;
        }

        var json = await db.Projects.Where(p => p.Id == context.Message.ProjectId).Select(p => p.PpoConfigJson).SingleAsync(context.CancellationToken);
        var (algorithm, hyperparameters) = PolicyAlgorithm.Split(json);
        if (algorithm != kind)
        {
            throw new HyperparametersException(
                "The policy configuration", [$"the run is to be of kind {kind}, but the project's algorithm is {algorithm} by now: its hyperparameters are not this run's."]);
        }

        await RunQueue.EnqueueAsync(db, context.Message, PolicyConfigs.Complete(kind, hyperparameters, (ulong)context.Message.Seed), context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}
