using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Training.Batching;
using Rlhf.Training.Evaluation;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using Rlhf.Training.Publishing;
using Rlhf.Training.Runs;
using Trainer.Service.Algorithms.Common;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Ppo;

/// <summary>A PPO run of a project: current policy, its reward model, the training prompts; publishes the new policy.</summary>
public sealed class PpoRunExecutor(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock) : IRunExecutor
{
    private const ulong CriticStream = 1UL << 57;

    /// <inheritdoc/>
    public string Kind => RunKinds.Ppo;

    /// <inheritdoc/>
    public void Execute(RunContext context)
    {
        var run = context.Run;
        var config = HyperparametersJson.Read<PpoConfig>(run.ConfigJson);
        var (policyRow, rewardRow, prompts, heldOut) = Load(run, config);
        var policyDirectory = store.Verify(policyRow.Path, policyRow.ContentHash);
        var rewardDirectory = store.Verify(rewardRow.Path, rewardRow.ContentHash);
        var tokenizer = Tokenizer.Load(policyDirectory);
        using var policy = PretrainedModel.LoadCausal(policyDirectory);
        using var reward = RewardEnsemble.Load(rewardDirectory);
        using nn.Module critic = config.ValueHead ? new ValueHead(policy, new Philox(config.Seed, CriticStream)) : PretrainedModel.LoadScalar(rewardDirectory);
        var encoder = new DialogueEncoder(tokenizer, policy.Config.MaxPositionEmbeddings);
        var encoded = prompts.Select(p => encoder.EncodePrompt(p, config.MaxNewTokens)).ToArray();

        var score = ScoreResponsesWith.Ensemble(reward);
        using (var trainer = new PpoTrainer(config, policy, critic, encoded, score))
        {
            trainer.Train(context.StateDirectory, p => context.Report(p.Step, p.TotalSteps, p.Metrics), context.Stop);
        }

        if (heldOut.Count > 0)
        {
            var questions = heldOut.Select(p => encoder.EncodePrompt(p, config.MaxNewTokens)).ToArray();
            using var start = PretrainedModel.LoadCausal(policyDirectory);
            start.Bf16 = MixedPrecision.Use(config.Bf16, start);
            var measured = new HeldOutScore(questions, score);
            context.Report(config.Updates, config.Updates, new Dictionary<string, double>
            {
                [MetricNames.EvaluationScoreStart] = measured.Measure(start, config.Sampling(), config.Seed, config.BatchSize, context.Stop),
                [MetricNames.EvaluationScore] = measured.Measure(policy, config.Sampling(), config.Seed, config.BatchSize, context.Stop),
            });
        }

        var published = store.Publish(directory => PretrainedModel.Save(policy, tokenizer, directory), policyRow.SizeBytes);
        var checkpointId = Guid.CreateVersion7();
        context.Complete(db => CheckpointPublishing.Add(db, checkpointId, run, CheckpointKinds.Policy, published, clock.GetUtcNow()), checkpointId);
    }

    private (Checkpoint Policy, Checkpoint Reward, List<string> Prompts, List<string> HeldOut) Load(Run run, PpoConfig config)
    {
        using var db = contexts.CreateDbContext();
        var prompts = db.Prompts.Where(p => p.ProjectId == run.ProjectId).OrderBy(p => p.Sequence);
        return (
            db.Checkpoints.AsNoTracking().Single(c => c.Id == run.PolicyCheckpointId),
            db.Checkpoints.AsNoTracking().Single(c => c.Id == run.RewardCheckpointId),
            prompts.Where(p => p.Split == Splits.Train).Select(p => p.Text).ToList(),
            prompts.Where(p => p.Split == Splits.HeldOut).Take(config.EvaluationPrompts).Select(p => p.Text).ToList());
    }
}
