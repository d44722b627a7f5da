using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
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
/// <typeparam name="TExample">What the method learns from.</typeparam>
public abstract class PreferenceRunExecutor<TConfig, TExample>(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock) : IRunExecutor
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

        TExample[] Examples(string split) => [.. comparisons.Where(c => c.Judgment.Split == split).SelectMany(c =>
        {
            var (chosen, rejected) = c.Judgment.Choice == Choices.B ? (c.B, c.A) : (c.A, c.B);
            return Encode(encoder, c.Prompt, chosen, rejected);
        })];
    }

    private protected abstract IEnumerable<TExample> Encode(DialogueEncoder encoder, string prompt, Completion chosen, Completion rejected);

    private protected abstract OfflineTrainer<TConfig, TExample> Trainer(
        TConfig config, CausalLanguageModel policy, IReadOnlyList<TExample> training, IReadOnlyList<TExample> heldOut);
}

/// <summary>A run on pairs.</summary>
/// <typeparam name="TConfig">The method's hyperparameters.</typeparam>
public abstract class PairRunExecutor<TConfig>(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock)
    : PreferenceRunExecutor<TConfig, PreferenceExample>(contexts, store, clock)
    where TConfig : OfflineTrainingConfig, new()
{
    private protected sealed override IEnumerable<PreferenceExample> Encode(DialogueEncoder encoder, string prompt, Completion chosen, Completion rejected) =>
        [PreferenceExample.Encode(encoder, prompt, chosen.Text, rejected.Text, chosen.FinishReason == "stop", rejected.FinishReason == "stop")];
}

/// <summary>A KTO run of a project: of every comparison the preferred completion is a good one, the other a bad one.</summary>
public sealed class KtoRunExecutor(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock)
    : PreferenceRunExecutor<KtoConfig, UnpairedExample>(contexts, store, clock)
{
    /// <inheritdoc/>
    public override string Kind => RunKinds.Kto;

    private protected override IEnumerable<UnpairedExample> Encode(DialogueEncoder encoder, string prompt, Completion chosen, Completion rejected) =>
        new[] { (Completion: chosen, IsDesirable: true), (Completion: rejected, IsDesirable: false) }.Select(c =>
        {
            var (promptIds, ids) = encoder.EncodePair(prompt, c.Completion.Text, c.Completion.FinishReason == "stop");
            return new UnpairedExample(promptIds, ids, c.IsDesirable);
        });

    private protected override OfflineTrainer<KtoConfig, UnpairedExample> Trainer(
        KtoConfig config, CausalLanguageModel policy, IReadOnlyList<UnpairedExample> training, IReadOnlyList<UnpairedExample> heldOut) =>
        new KtoTrainer(config, policy, training, heldOut);
}

/// <summary>A DPO run of a project.</summary>
public sealed class DpoRunExecutor(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock)
    : PairRunExecutor<DpoConfig>(contexts, store, clock)
{
    /// <inheritdoc/>
    public override string Kind => RunKinds.Dpo;

    private protected override OfflineTrainer<DpoConfig, PreferenceExample> Trainer(
        DpoConfig config, CausalLanguageModel policy, IReadOnlyList<PreferenceExample> training, IReadOnlyList<PreferenceExample> heldOut) =>
        new DpoTrainer(config, policy, training, heldOut);
}

/// <summary>An ORPO run of a project.</summary>
public sealed class OrpoRunExecutor(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock)
    : PairRunExecutor<OrpoConfig>(contexts, store, clock)
{
    /// <inheritdoc/>
    public override string Kind => RunKinds.Orpo;

    private protected override OfflineTrainer<OrpoConfig, PreferenceExample> Trainer(
        OrpoConfig config, CausalLanguageModel policy, IReadOnlyList<PreferenceExample> training, IReadOnlyList<PreferenceExample> heldOut) =>
        new OrpoTrainer(config, policy, training, heldOut);
}

/// <summary>A SimPO run of a project.</summary>
public sealed class SimpoRunExecutor(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock)
    : PairRunExecutor<SimpoConfig>(contexts, store, clock)
{
    /// <inheritdoc/>
    public override string Kind => RunKinds.Simpo;

    private protected override OfflineTrainer<SimpoConfig, PreferenceExample> Trainer(
        SimpoConfig config, CausalLanguageModel policy, IReadOnlyList<PreferenceExample> training, IReadOnlyList<PreferenceExample> heldOut) =>
        new SimpoTrainer(config, policy, training, heldOut);
}
