// P pairs.
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Preference;

/// <summary>The losses that need no reference, under TRL's names (<c>loss_type</c> of its <c>CPOConfig</c>).</summary>
public enum SimpoLossType
{
    /// <summary>−log σ(β·(c − r) − γ) on mean log-probabilities per token (Meng et al. 2024, equation 6).</summary>
    Simpo,

    /// <summary>−log σ(β·(c − r)) (Xu et al. 2024, CPO).</summary>
    Sigmoid,

    /// <summary>max(0, 1 − β·(c − r)).</summary>
    Hinge,

    /// <summary>(c − r − 1/(2β))².</summary>
    Ipo,
}

/// <summary>Simple preference optimisation and contrastive preference optimisation.</summary>
internal static class SimpoLoss
{
    /// <summary>The loss of each pair.</summary>
    /// <param name="chosen_P">Log-probabilities of the chosen completions: per token for SimPO, else sums [P].</param>
    /// <param name="rejected_P">The same of the rejected ones [P].</param>
    /// <param name="config">β, γ, label smoothing, α.</param>
    /// <returns>[P].</returns>
    public static Tensor Compute(Tensor chosen_P, Tensor rejected_P, SimpoConfig config)
    {
        var delta_P = Reward(chosen_P, config.Alpha) - Reward(rejected_P, config.Alpha);
        return config.LossType switch
        {
            SimpoLossType.Simpo => Smoothed((config.Beta * delta_P) - config.SimpoGamma),
            SimpoLossType.Sigmoid => Smoothed(config.Beta * delta_P),
            SimpoLossType.Hinge => nn.functional.relu(1 - (config.Beta * delta_P)),
            SimpoLossType.Ipo => (delta_P - (1 / (2 * config.Beta))).square(),
            _ => throw new System.Diagnostics.UnreachableException($"Unknown loss {config.LossType}."),
        };

        Tensor Smoothed(Tensor logits_P) =>
            (nn.functional.logsigmoid(logits_P) * -(1 - config.LabelSmoothing)) - (nn.functional.logsigmoid(-logits_P) * config.LabelSmoothing);
    }

    // AlphaPO (Gupta et al. 2025, equation 5): (1 − p^−α)/α, log p in the limit of α = 0.
    private static Tensor Reward(Tensor logprob_P, double alpha) => alpha == 0 ? logprob_P : (1 - (-alpha * logprob_P).exp()) / alpha;
}
