using System.Security.Cryptography;
using System.Text;
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
        RecordData(context, comparisons);
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
            [.. comparisons.Where(c => c.Judgment.Split == split).Select(c => c.Encode(encoder, Votes(c)))];

        (int Same, int All) Votes(Comparison comparison)
        {
            var votes = byTask[comparison.Judgment.TaskId];
            return (votes.Count(v => v.Judgment.Choice == comparison.Judgment.Choice), votes.Count());
        }
    }

    private (Checkpoint Policy, List<Comparison> Comparisons) Load(Run run)
    {
        using var db = contexts.CreateDbContext();
        var judgments = db.Judgments.Where(j => j.ProjectId == run.ProjectId && j.RetractedAt == null);
        if (run.CycleId is { } cycleId)
        {
            var number = db.Cycles.Where(c => c.Id == cycleId).Select(c => c.Number).Single();
            judgments = judgments.Where(j => db.Cycles.Any(c => c.Id == j.CycleId && c.Number <= number));
        }

        // By the task's number, not by time: the same judgments in another order of arrival train the same model.
        var comparisons = (
            from judgment in judgments
            join task in db.ComparisonTasks on judgment.TaskId equals task.Id
            where task.EvaluationRunId == null
            join prompt in db.Prompts on task.PromptId equals prompt.Id
            join a in db.Completions on task.CompletionAId equals a.Id
            join b in db.Completions on task.CompletionBId equals b.Id
            orderby task.Sequence, judgment.Id
            select new Comparison(judgment, prompt.Text, a, b)).AsNoTracking().ToList();
        return (db.Checkpoints.AsNoTracking().Single(c => c.Id == run.PolicyCheckpointId), comparisons);
    }

    private static void RecordData(RunContext context, List<Comparison> comparisons)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var c in comparisons)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{c.Prompt}\0{c.A.Text}\0{c.B.Text}\0{c.Judgment.Choice}\0{c.Judgment.Split}\0"));
        }

        var dataHash = Convert.ToHexStringLower(hash.GetHashAndReset());
        context.Save(db =>
        {
            db.Runs.Single(r => r.Id == context.Run.Id).DataHash = dataHash;
            var known = db.RunJudgments.Where(r => r.RunId == context.Run.Id).Select(r => r.JudgmentId).ToHashSet();
            db.RunJudgments.AddRange(comparisons.Where(c => !known.Contains(c.Judgment.Id)).Select(c => new RunJudgment { RunId = context.Run.Id, JudgmentId = c.Judgment.Id }));
        });
    }

    private static Dictionary<string, double> Baselines(List<Comparison> comparisons, RankedCompletions[] heldOut, int decided)
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

    private sealed record Comparison(Judgment Judgment, string Prompt, Completion A, Completion B)
    {
        public RankedCompletions Encode(DialogueEncoder encoder, (int Same, int All) votes)
        {
            var (chosen, rejected) = Judgment.Choice == Choices.B ? (B, A) : (A, B);
            return RankedCompletionsEncoding.Encode(
                encoder,
                Prompt,
                [(chosen.Text, chosen.FinishReason == "stop"), (rejected.Text, rejected.FinishReason == "stop")],
                [1, Judgment.Choice == Choices.Tie ? 1 : 2]) with
            {
                Agreement = votes.Same / (double)votes.All,
                Annotators = votes.All,
            };
        }
    }
}
