using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Tokenization;
using Rlhf.Training.Batching;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using Rlhf.Training.Publishing;
using Rlhf.Training.Runs;

namespace RewardModel.Service.Training;

/// <summary>A reward-model run of a project: the judgments of its cycle and all earlier ones, on the body of the current policy; publishes the reward model.</summary>
public sealed class RewardModelRunExecutor(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock) : IRunExecutor
{
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
        var encoder = new DialogueEncoder(tokenizer, backbone.Config.MaxPositionEmbeddings);
        var byTask = comparisons.ToLookup(c => c.Judgment.TaskId);
        var training = Encode(Splits.Train);
        var heldOut = Encode(Splits.HeldOut);
        if (training.Length == 0)
        {
            throw new InvalidOperationException("All judgments fell into the held-out part; there is none to learn from. Collect more, or lower the project's held-out fraction.");
        }

        using var reward = new RewardModelTraining(config, backbone, training, heldOut);
        var result = reward.Train(context.StateDirectory, p => context.Report(p.Step, p.TotalSteps, p.Metrics), context.Stop);
        context.Report(reward.TotalSteps, reward.TotalSteps, new Dictionary<string, double>([.. result.Metrics(), .. Baselines(comparisons, heldOut, result.HeldOut.Decided)]));

        var published = store.Publish(
            target => PretrainedEnsemble.Save(reward.Ensemble.Members, config.UncertaintyPenalty, tokenizer, target, result.Files()),
            policy.SizeBytes * config.Ensemble);
        var checkpointId = Guid.CreateVersion7();
        context.Complete(db => CheckpointPublishing.Add(db, checkpointId, run, CheckpointKinds.RewardModel, published, clock.GetUtcNow()), checkpointId);

        RankedCompletions[] Encode(string split) =>
            [.. comparisons.Where(c => c.Judgment.Split == split).Select(c => Encoded(c, encoder, Votes(c)))];

        (int Same, int All) Votes(RunComparison comparison)
        {
            var votes = byTask[comparison.Judgment.TaskId];
            return (votes.Count(v => v.Judgment.Choice == comparison.Judgment.Choice), votes.Count());
        }
    }

    private (Checkpoint Policy, List<RunComparison> Comparisons) Load(Run run)
    {
        using var db = contexts.CreateDbContext();
        return (db.Checkpoints.AsNoTracking().Single(c => c.Id == run.PolicyCheckpointId), RunComparisons.Load(db, run));
    }

    private static Dictionary<string, double> Baselines(List<RunComparison> comparisons, RankedCompletions[] heldOut, int decided)
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

    private static RankedCompletions Encoded(RunComparison comparison, DialogueEncoder encoder, (int Same, int All) votes)
    {
        var (judgment, prompt, a, b) = comparison;
        var (chosen, rejected) = judgment.Choice == Choices.B ? (b, a) : (a, b);
        return RankedCompletionsEncoding.Encode(
            encoder,
            prompt,
            [(chosen.Text, chosen.FinishReason == "stop"), (rejected.Text, rejected.FinishReason == "stop")],
            [1, judgment.Choice == Choices.Tie ? 1 : 2]) with
        {
            Agreement = votes.Same / (double)votes.All,
            Annotators = votes.All,
        };
    }
}
