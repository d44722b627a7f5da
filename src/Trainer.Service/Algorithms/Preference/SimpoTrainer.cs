// P pairs.
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Hyperparameters;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Preference;

/// <summary>Simple preference optimisation (Meng et al. 2024), and contrastive preference optimisation (Xu et al. 2024): no reference.</summary>
public sealed class SimpoTrainer : PairTrainer<SimpoConfig>
{
    /// <summary>Checks the configuration and the data.</summary>
    /// <param name="config">The hyperparameters.</param>
    /// <param name="model">The model; trained in place.</param>
    /// <param name="training">The pairs; at least one.</param>
    /// <param name="heldOut">Pairs for evaluation; may be empty.</param>
    /// <exception cref="HyperparametersException">If the configuration has faults.</exception>
    /// <exception cref="ArgumentException">If an example is empty or does not fit the model.</exception>
    public SimpoTrainer(
        SimpoConfig config, CausalLanguageModel model, IReadOnlyList<PreferenceExample> training, IReadOnlyList<PreferenceExample>? heldOut = null)
        : base(config, model, training, heldOut)
    {
    }

    private protected override Tensor Loss(PairLogprobs pairs, BatchTotals totals)
    {
        var (chosen_P, rejected_P) = Scored(pairs);
        var loss = SimpoLoss.Compute(chosen_P, rejected_P, Config).sum() / totals.Pairs;
        return Config.CpoAlpha == 0 ? loss : loss + (pairs.Chosen_P.sum() * (-Config.CpoAlpha / totals.ChosenTokens));
    }

    private protected override (Tensor Chosen_P, Tensor Rejected_P) Rewards(PairLogprobs pairs)
    {
        var (chosen_P, rejected_P) = Scored(pairs);
        return (chosen_P * Config.Beta, rejected_P * Config.Beta);
    }

    private (Tensor Chosen_P, Tensor Rejected_P) Scored(PairLogprobs pairs) => Config.LossType == SimpoLossType.Simpo
        ? (pairs.Chosen_P / pairs.ChosenTokens_P, pairs.Rejected_P / pairs.RejectedTokens_P)
        : (pairs.Chosen_P, pairs.Rejected_P);
}
