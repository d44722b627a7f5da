using MassTransit;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Training.Evaluation;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Runs;

namespace Trainer.Service.Consumers;

/// <summary>An evaluation is wanted: it is queued once per command, with the project's configuration, which is checked first.</summary>
public sealed class StartEvalRunConsumer(AppDbContext db) : IConsumer<StartRun>
{
    public async Task Consume(ConsumeContext<StartRun> context)
    {
        if (context.Message.Kind != RunKinds.Eval)
        {
            return;
        }

        var json = await db.Projects.Where(p => p.Id == context.Message.ProjectId).Select(p => p.EvaluationConfigJson).SingleAsync(context.CancellationToken);
        var config = HyperparametersJson.Read<EvaluationConfig>(json);
        config = config with { BlindComparisons = context.Message.BlindComparisons ?? config.BlindComparisons };
        await RunQueue.EnqueueAsync(db, context.Message, HyperparametersJson.Write(config), context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}
