using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Tokenization;
using Rlhf.Training.Batching;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Publishing;
using Rlhf.Training.Runs;

namespace Trainer.Service.Algorithms.Ppo;

/// <summary>A PPO run of a project: current policy, its reward model, the training prompts; publishes the new policy.</summary>
public sealed class PpoRunExecutor(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock) : IRunExecutor
{
    /// <inheritdoc/>
    public string Kind => RunKinds.Ppo;

    /// <inheritdoc/>
    public void Execute(RunContext context)
    {
        var run = context.Run;
        var config = HyperparametersJson.Read<PpoConfig>(run.ConfigJson);
        var (policyRow, rewardRow, prompts) = Load(run);
        var policyDirectory = store.Verify(policyRow.Path, policyRow.ContentHash);
        var rewardDirectory = store.Verify(rewardRow.Path, rewardRow.ContentHash);
        var tokenizer = Tokenizer.Load(policyDirectory);
        using var policy = PretrainedModel.LoadCausal(policyDirectory);
        using var reward = PretrainedModel.LoadScalar(rewardDirectory);
        using var critic = PretrainedModel.LoadScalar(rewardDirectory);
        var encoder = new DialogueEncoder(tokenizer, policy.Config.MaxPositionEmbeddings);
        var encoded = prompts.Select(p => encoder.EncodePrompt(p, config.MaxNewTokens)).ToArray();

        using var trainer = new PpoTrainer(config, policy, critic, encoded, ScoreResponsesWith.Model(reward));
        trainer.Train(context.StateDirectory, p => context.Report(p.Step, p.TotalSteps, p.Metrics), context.Stop);

        var staging = store.CreateStagingDirectory();
        PretrainedModel.Save(policy, tokenizer, staging);
        var published = store.Publish(staging);
        var checkpointId = Guid.CreateVersion7();
        context.Complete(db => CheckpointPublishing.Add(db, checkpointId, run, CheckpointKinds.Policy, published, clock.GetUtcNow()), checkpointId);
    }

    private (Checkpoint Policy, Checkpoint Reward, List<string> Prompts) Load(Run run)
    {
        using var db = contexts.CreateDbContext();
        return (
            db.Checkpoints.AsNoTracking().Single(c => c.Id == run.PolicyCheckpointId),
            db.Checkpoints.AsNoTracking().Single(c => c.Id == run.RewardCheckpointId),
            db.Prompts.Where(p => p.ProjectId == run.ProjectId && p.Split == Splits.Train).OrderBy(p => p.Sequence).Select(p => p.Text).ToList());
    }
}
