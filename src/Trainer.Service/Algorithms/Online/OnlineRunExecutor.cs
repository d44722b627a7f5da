using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Batching;
using Rlhf.Training.Evaluation;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Publishing;
using Rlhf.Training.Runs;
using Trainer.Service.Algorithms.Common;

namespace Trainer.Service.Algorithms.Online;

/// <summary>A policy run without a critic: current policy, its reward model, the training prompts; publishes the new policy.</summary>
/// <typeparam name="TConfig">The method's hyperparameters.</typeparam>
public abstract class OnlineRunExecutor<TConfig>(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock) : IRunExecutor
    where TConfig : OnlineTrainingConfig, new()
{
    /// <inheritdoc/>
    public abstract string Kind { get; }

    /// <inheritdoc/>
    public void Execute(RunContext context)
    {
        var run = context.Run;
        var config = HyperparametersJson.Read<TConfig>(run.ConfigJson);
        using var db = contexts.CreateDbContext();
        var policyRow = db.Checkpoints.AsNoTracking().Single(c => c.Id == run.PolicyCheckpointId);
        var rewardRow = db.Checkpoints.AsNoTracking().Single(c => c.Id == run.RewardCheckpointId);
        var prompts = db.Prompts.Where(p => p.ProjectId == run.ProjectId && p.Split == Splits.Train).OrderBy(p => p.Sequence).Select(p => p.Text).ToList();
        var directory = store.Verify(policyRow.Path, policyRow.ContentHash);
        var tokenizer = Tokenizer.Load(directory);
        using var policy = PretrainedModel.LoadCausal(directory);
        using var reward = RewardEnsemble.Load(store.Verify(rewardRow.Path, rewardRow.ContentHash));
        var encoder = new DialogueEncoder(tokenizer, policy.Config.MaxPositionEmbeddings);
        using (var trainer = Trainer(config, policy, [.. prompts.Select(p => encoder.EncodePrompt(p, config.MaxNewTokens))], ScoreResponsesWith.Ensemble(reward)))
        {
            trainer.Train(context.StateDirectory, p => context.Report(p.Step, p.TotalSteps, p.Metrics), context.Stop);
        }

        var published = store.Publish(target => PretrainedModel.Save(policy, tokenizer, target), policyRow.SizeBytes);
        var checkpointId = Guid.CreateVersion7();
        context.Complete(completing => CheckpointPublishing.Add(completing, checkpointId, run, CheckpointKinds.Policy, published, clock.GetUtcNow()), checkpointId);
    }

    private protected abstract OnlineTrainer<TConfig> Trainer(TConfig config, CausalLanguageModel policy, IReadOnlyList<int[]> prompts, ScoreResponses score);
}

/// <summary>A GRPO run of a project.</summary>
public sealed class GrpoRunExecutor(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock)
    : OnlineRunExecutor<GrpoConfig>(contexts, store, clock)
{
    /// <inheritdoc/>
    public override string Kind => RunKinds.Grpo;

    private protected override OnlineTrainer<GrpoConfig> Trainer(GrpoConfig config, CausalLanguageModel policy, IReadOnlyList<int[]> prompts, ScoreResponses score) =>
        new GrpoTrainer(config, policy, prompts, score);
}

/// <summary>An RLOO run of a project.</summary>
public sealed class RlooRunExecutor(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock)
    : OnlineRunExecutor<RlooConfig>(contexts, store, clock)
{
    /// <inheritdoc/>
    public override string Kind => RunKinds.Rloo;

    private protected override OnlineTrainer<RlooConfig> Trainer(RlooConfig config, CausalLanguageModel policy, IReadOnlyList<int[]> prompts, ScoreResponses score) =>
        new RlooTrainer(config, policy, prompts, score);
}

/// <summary>A REINFORCE run of a project.</summary>
public sealed class ReinforceRunExecutor(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock)
    : OnlineRunExecutor<ReinforceConfig>(contexts, store, clock)
{
    /// <inheritdoc/>
    public override string Kind => RunKinds.Reinforce;

    private protected override OnlineTrainer<ReinforceConfig> Trainer(ReinforceConfig config, CausalLanguageModel policy, IReadOnlyList<int[]> prompts, ScoreResponses score) =>
        new ReinforceTrainer(config, policy, prompts, score);
}

/// <summary>A RAFT run of a project.</summary>
public sealed class RaftRunExecutor(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock)
    : OnlineRunExecutor<RaftConfig>(contexts, store, clock)
{
    /// <inheritdoc/>
    public override string Kind => RunKinds.Raft;

    private protected override OnlineTrainer<RaftConfig> Trainer(RaftConfig config, CausalLanguageModel policy, IReadOnlyList<int[]> prompts, ScoreResponses score) =>
        new RaftTrainer(config, policy, prompts, score);
}

/// <summary>An online-DPO run of a project.</summary>
public sealed class OnlineDpoRunExecutor(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock)
    : OnlineRunExecutor<OnlineDpoConfig>(contexts, store, clock)
{
    /// <inheritdoc/>
    public override string Kind => RunKinds.OnlineDpo;

    private protected override OnlineTrainer<OnlineDpoConfig> Trainer(
        OnlineDpoConfig config, CausalLanguageModel policy, IReadOnlyList<int[]> prompts, ScoreResponses score) => new OnlineDpoTrainer(config, policy, prompts, score);
}
