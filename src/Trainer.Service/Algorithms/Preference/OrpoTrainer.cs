// P pairs.
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Hyperparameters;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Preference;

/// <summary>Odds ratio preference optimisation (Hong et al. 2024): fine-tuning and preference in one stage, without a reference.</summary>
public sealed class OrpoTrainer : PairTrainer<OrpoConfig>
{
    /// <summary>Checks the configuration and the data.</summary>
    /// <param name="config">The hyperparameters.</param>
    /// <param name="model">The model; trained in place.</param>
    /// <param name="training">The pairs; at least one.</param>
    /// <param name="heldOut">Pairs for evaluation; may be empty.</param>
    /// <exception cref="HyperparametersException">If the configuration has faults.</exception>
    /// <exception cref="ArgumentException">If an example is empty or does not fit the model.</exception>
    public OrpoTrainer(
        OrpoConfig config, CausalLanguageModel model, IReadOnlyList<PreferenceExample> training, IReadOnlyList<PreferenceExample>? heldOut = null)
        : base(config, model, training, heldOut)
    {
    }

    private protected override Tensor Loss(PairLogprobs pairs, BatchTotals totals)
    {
        var likelihood = pairs.Chosen_P.sum() / -totals.ChosenTokens;
        var oddsRatio_P = OrpoLoss.OddsRatio(pairs.Chosen_P / pairs.ChosenTokens_P, pairs.Rejected_P / pairs.RejectedTokens_P, Config.Beta);
        return likelihood + (oddsRatio_P.sum() / totals.Pairs);
    }

    private protected override (Tensor Chosen_P, Tensor Rejected_P) Rewards(PairLogprobs pairs) =>
        (pairs.Chosen_P / pairs.ChosenTokens_P * Config.Beta, pairs.Rejected_P / pairs.RejectedTokens_P * Config.Beta);
}
