// P pairs.
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Checkpointing;
using Rlhf.Training.Hyperparameters;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Preference;

/// <summary>
/// Direct preference optimisation (Rafailov et al. 2023): the policy is its own reward model, relative to the policy it began with. The
/// reference's log-probabilities are computed once, before the first step, so no second model is held.
/// </summary>
public sealed class DpoTrainer : PairTrainer<DpoConfig>
{
    private readonly ReferenceLogprobs _reference;
    private readonly bool _isOwnReference;

    /// <summary>Checks the configuration and the data.</summary>
    /// <param name="config">The hyperparameters.</param>
    /// <param name="model">The starting policy, which is also the reference; trained in place. A resumed run is given the same one again.</param>
    /// <param name="training">The pairs; at least one.</param>
    /// <param name="heldOut">Pairs for evaluation; may be empty.</param>
    /// <param name="reference">Another reference; null: the starting policy, under an adapter the model without it.</param>
    /// <exception cref="HyperparametersException">If the configuration has faults.</exception>
    /// <exception cref="ArgumentException">If an example is empty or does not fit the model.</exception>
    public DpoTrainer(
        DpoConfig config,
        CausalLanguageModel model,
        IReadOnlyList<PreferenceExample> training,
        IReadOnlyList<PreferenceExample>? heldOut = null,
        CausalLanguageModel? reference = null)
        : base(config, model, training, heldOut)
    {
        _isOwnReference = reference is null;
        _reference = new ReferenceLogprobs(reference ?? model, config.BatchSize, TailWeight);
        foreach (var (name, examples) in new[] { ("training", training), ("held_out", HeldOut) })
        {
            var tailFrom = TailFrom(examples);
            _reference.Add(name + ".chosen", [.. examples.Select(e => e.Prompt)], [.. examples.Select(e => e.Chosen)], tailFrom);
            _reference.Add(name + ".rejected", [.. examples.Select(e => e.Prompt)], [.. examples.Select(e => e.Rejected)], tailFrom);
        }
    }

    private protected override double TailWeight => Config.LdAlpha ?? 1;

    /// <inheritdoc/>
    protected override void Begin(TrainingState? state)
    {
        if (Ranks.Size > 1 && Config.LossType.Any(t => t is DpoLossType.Aot or DpoLossType.AotUnpaired))
        {
            throw new HyperparametersException(nameof(DpoConfig), ["loss_type aot and aot_unpaired compare within the whole batch: train in one process."]);
        }

        using var original = _isOwnReference ? Adapter?.Disable() : null;
        _reference.Begin(state);
    }

    /// <inheritdoc/>
    protected override void Save(TrainingState state) => _reference.Save(state);

    private protected override (Tensor Chosen_P, Tensor Rejected_P)? Reference(int[] rows, bool heldOut)
    {
        var name = heldOut ? "held_out" : "training";
        return (_reference.Of(name + ".chosen", rows), _reference.Of(name + ".rejected", rows));
    }

    private protected override Tensor Loss(PairLogprobs pairs, BatchTotals totals)
    {
        var loss_P = zeros_like(pairs.Chosen_P);
        for (var i = 0; i < Config.LossType.Length; i++)
        {
            var weight = Config.LossWeights.Length == 0 ? 1 : Config.LossWeights[i];
            loss_P = loss_P + (weight * DpoLoss.Compute(Config.LossType[i], pairs, Config, totals.ChosenTokens, totals.Pairs));
        }

        return loss_P.sum() / totals.Pairs;
    }

    private protected override (Tensor Chosen_P, Tensor Rejected_P) Rewards(PairLogprobs pairs) =>
        (pairs.ChosenLogRatio_P * Config.Beta, pairs.RejectedLogRatio_P * Config.Beta);
}
