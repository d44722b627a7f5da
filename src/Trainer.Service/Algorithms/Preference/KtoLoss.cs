// B examples.
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Preference;

/// <summary>The losses of learning from single answers that are good or bad, under TRL's names.</summary>
public enum KtoLossType
{
    /// <summary>Kahneman–Tversky optimisation (Ethayarajh et al. 2024, equations 7 and 8).</summary>
    Kto,

    /// <summary>APO-zero for unpaired answers (D'Oosterlinck et al. 2024): KTO whose reference point is 0.</summary>
    ApoZeroUnpaired,
}

/// <summary>Kahneman–Tversky optimisation.</summary>
internal static class KtoLoss
{
    /// <summary>
    /// λ_D·(1 − σ(β·r − z)) for desirable answers and λ_U·(1 − σ(z − β·r)) for undesirable ones, r = log π/π_ref of the answer and
    /// z = β·max(0, mean log π/π_ref of mismatched answers), without gradient.
    /// </summary>
    /// <param name="logRatios_B">r [B].</param>
    /// <param name="isDesirable_B">1 for desirable answers, 0 for others [B].</param>
    /// <param name="kl">The mean log-ratio of mismatched answers over the whole batch, nats; no tensor, so no gradient.</param>
    /// <param name="config">β and the weights.</param>
    /// <returns>[B]; the batch's loss is the mean.</returns>
    public static Tensor Compute(Tensor logRatios_B, Tensor isDesirable_B, double kl, KtoConfig config)
    {
        var point = config.LossType == KtoLossType.Kto ? Math.Max(kl, 0) : 0;
        var signs_B = (isDesirable_B * 2) - 1;
        var weights_B = (isDesirable_B * config.DesirableWeight) + ((1 - isDesirable_B) * config.UndesirableWeight);
        return weights_B * (1 - (config.Beta * signs_B * (logRatios_B - point)).sigmoid());
    }
}
