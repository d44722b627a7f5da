using MassTransit;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Training.Evaluation;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Runs;

namespace Trainer.Service.Consumers;

/// <summary>
/// An evaluation is wanted: it is queued once per command, with the project's configuration and the command's number of blind comparisons. Both are checked
/// first; with faults nothing is queued, and a failed run lists them.
/// </summary>
public sealed class StartEvalRunConsumer(AppDbContext db) : IConsumer<StartRun>
{
    public async Task Consume(ConsumeContext<StartRun> context)
    {
        var message = context.Message;
        if (message.Kind != RunKinds.Eval)
        {
            return;
        }

        var json = await db.Projects.Where(p => p.Id == message.ProjectId).Select(p => p.EvaluationConfigJson).SingleAsync(context.CancellationToken);
        var config = HyperparametersJson.Read<EvaluationConfig>(json, c => c with { BlindComparisons = message.BlindComparisons ?? c.BlindComparisons });
        await RunQueue.EnqueueAsync(db, message, HyperparametersJson.Write(config), context.CancellationToken);
        await db.SaveChangesAsync(context.CancellationToken);
    }
}
