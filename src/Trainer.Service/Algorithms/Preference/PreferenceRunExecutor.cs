using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Batching;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Offline;
using Rlhf.Training.Publishing;
using Rlhf.Training.Runs;

namespace Trainer.Service.Algorithms.Preference;

/// <summary>A policy run on the project's judgments themselves: those of its cycle and all earlier ones, ties left out; publishes the new policy.</summary>
/// <typeparam name="TConfig">The method's hyperparameters.</typeparam>
public abstract class PreferenceRunExecutor<TConfig>(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock) : IRunExecutor
    where TConfig : OfflineTrainingConfig, new()
{
    /// <inheritdoc/>
    public abstract string Kind { get; }

    /// <inheritdoc/>
    public void Execute(RunContext context)
    {
        var run = context.Run;
        var config = HyperparametersJson.Read<TConfig>(run.ConfigJson);
        using var db = contexts.CreateDbContext();
        var row = db.Checkpoints.AsNoTracking().Single(c => c.Id == run.PolicyCheckpointId);
        var comparisons = RunComparisons.Load(db, run).Where(c => c.Judgment.Choice != Choices.Tie).ToList();
        RunComparisons.Record(context, comparisons);
        var directory = store.Verify(row.Path, row.ContentHash);
        var tokenizer = Tokenizer.Load(directory);
        using var policy = PretrainedModel.LoadCausal(directory);
        var encoder = new DialogueEncoder(tokenizer, policy.Config.MaxPositionEmbeddings);
        var training = Examples(Splits.Train);
        if (training.Length == 0)
        {
            throw new InvalidOperationException("There is no decided judgment to learn from: all are ties or held out. Collect more, or lower the project's held-out fraction.");
        }

        Trainer(config, policy, training, Examples(Splits.HeldOut)).Train(context.StateDirectory, p => context.Report(p.Step, p.TotalSteps, p.Metrics), context.Stop);
        var published = store.Publish(target => PretrainedModel.Save(policy, tokenizer, target), row.SizeBytes);
        var checkpointId = Guid.CreateVersion7();
        context.Complete(completing => CheckpointPublishing.Add(completing, checkpointId, run, CheckpointKinds.Policy, published, clock.GetUtcNow()), checkpointId);

        PreferenceExample[] Examples(string split) => [.. comparisons.Where(c => c.Judgment.Split == split).Select(c =>
        {
            var (chosen, rejected) = c.Judgment.Choice == Choices.B ? (c.B, c.A) : (c.A, c.B);
            return PreferenceExample.Encode(encoder, c.Prompt, chosen.Text, rejected.Text, chosen.FinishReason == "stop", rejected.FinishReason == "stop");
        })];
    }

    private protected abstract PairTrainer<TConfig> Trainer(
        TConfig config, CausalLanguageModel policy, IReadOnlyList<PreferenceExample> training, IReadOnlyList<PreferenceExample> heldOut);
}

/// <summary>A DPO run of a project.</summary>
public sealed class DpoRunExecutor(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock)
    : PreferenceRunExecutor<DpoConfig>(contexts, store, clock)
{
    /// <inheritdoc/>
    public override string Kind => RunKinds.Dpo;

    private protected override PairTrainer<DpoConfig> Trainer(
        DpoConfig config, CausalLanguageModel policy, IReadOnlyList<PreferenceExample> training, IReadOnlyList<PreferenceExample> heldOut) =>
        new DpoTrainer(config, policy, training, heldOut);
}

/// <summary>An ORPO run of a project.</summary>
public sealed class OrpoRunExecutor(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock)
    : PreferenceRunExecutor<OrpoConfig>(contexts, store, clock)
{
    /// <inheritdoc/>
    public override string Kind => RunKinds.Orpo;

    private protected override PairTrainer<OrpoConfig> Trainer(
        OrpoConfig config, CausalLanguageModel policy, IReadOnlyList<PreferenceExample> training, IReadOnlyList<PreferenceExample> heldOut) =>
        new OrpoTrainer(config, policy, training, heldOut);
}

/// <summary>A SimPO run of a project.</summary>
public sealed class SimpoRunExecutor(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock)
    : PreferenceRunExecutor<SimpoConfig>(contexts, store, clock)
{
    /// <inheritdoc/>
    public override string Kind => RunKinds.Simpo;

    private protected override PairTrainer<SimpoConfig> Trainer(
        SimpoConfig config, CausalLanguageModel policy, IReadOnlyList<PreferenceExample> training, IReadOnlyList<PreferenceExample> heldOut) =>
        new SimpoTrainer(config, policy, training, heldOut);
}
