using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Tokenization;
using Rlhf.Numerics;
using Rlhf.Training.Batching;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using Rlhf.Training.Publishing;
using Rlhf.Training.Runs;

namespace RewardModel.Service.Training;

/// <summary>A reward-model run of a project: the judgments of its cycle and all earlier ones, on the body of the current policy; publishes the reward model.</summary>
public sealed class RewardModelRunExecutor(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock) : IRunExecutor
{
    private const ulong HeadStream = 1UL << 59;

    /// <inheritdoc/>
    public string Kind => RunKinds.RewardModel;

    /// <inheritdoc/>
    public void Execute(RunContext context)
    {
        var run = context.Run;
        var config = HyperparametersJson.Read<RewardModelConfig>(run.ConfigJson);
        var (policy, comparisons) = Load(run);
        RunComparisons.Record(context, comparisons);
        var directory = store.Verify(policy.Path, policy.ContentHash);
        var tokenizer = Tokenizer.Load(directory);
        using var backbone = PretrainedModel.LoadCausal(directory);
        using var model = ScalarHeadModel.FromCausal(backbone, new Philox(config.Seed, HeadStream));
        var encoder = new DialogueEncoder(tokenizer, backbone.Config.MaxPositionEmbeddings);
        var training = Examples(Splits.Train);
        var heldOut = Examples(Splits.HeldOut);
        if (training.Length == 0)
        {
            throw new InvalidOperationException("All judgments fell into the held-out part; there is none to learn from. Collect more, or lower the project's held-out fraction.");
        }

        var trainer = new RewardModelTrainer(config, model, training, heldOut);
        var result = trainer.Train(context.StateDirectory, p => context.Report(p.Step, p.TotalSteps, p.Metrics), context.Stop);
        context.Report(trainer.TotalSteps, trainer.TotalSteps, Baselines(comparisons, heldOut, result.HeldOut.Decided));

        var published = store.Publish(target => PretrainedModel.Save(model, tokenizer, target), policy.SizeBytes);
        var checkpointId = Guid.CreateVersion7();
        context.Complete(db => CheckpointPublishing.Add(db, checkpointId, run, CheckpointKinds.RewardModel, published, clock.GetUtcNow()), checkpointId);

        PreferencePair[] Examples(string split) => [.. comparisons.Where(c => c.Judgment.Split == split).Select(c => Encode(c, encoder))];
    }

    private (Checkpoint Policy, List<RunComparison> Comparisons) Load(Run run)
    {
        using var db = contexts.CreateDbContext();
        return (db.Checkpoints.AsNoTracking().Single(c => c.Id == run.PolicyCheckpointId), RunComparisons.Load(db, run));
    }

    private static Dictionary<string, double> Baselines(List<RunComparison> comparisons, PreferencePair[] heldOut, int decided)
    {
        var metrics = new Dictionary<string, double> { [MetricNames.RewardEvaluationDecided] = decided };
        if (decided > 0)
        {
            var majority = comparisons.Where(c => c.Judgment.Split == Splits.Train && c.Judgment.Choice != Choices.Tie)
                .GroupBy(c => c.Judgment.Choice).OrderByDescending(g => g.Count()).ThenBy(g => g.Key, StringComparer.Ordinal).Select(g => g.Key).FirstOrDefault() ?? Choices.A;
            metrics[MetricNames.RewardMajorityBaseline] = comparisons
                .Count(c => c.Judgment.Split == Splits.HeldOut && c.Judgment.Choice == majority) / (double)decided;
            metrics[MetricNames.RewardLengthBaseline] = heldOut.Where(p => !p.IsTie)
                .Average(p => p.Chosen.Length > p.Rejected.Length ? 1.0 : p.Chosen.Length == p.Rejected.Length ? 0.5 : 0.0);
        }

        return metrics;
    }

    private static PreferencePair Encode(RunComparison comparison, DialogueEncoder encoder)
    {
        var (judgment, prompt, a, b) = comparison;
        var (chosen, rejected) = judgment.Choice == Choices.B ? (b, a) : (a, b);
        return PreferencePairs.Encode(
            encoder, prompt, chosen.Text, rejected.Text, judgment.Choice == Choices.Tie, chosen.FinishReason == "stop", rejected.FinishReason == "stop");
    }
}
