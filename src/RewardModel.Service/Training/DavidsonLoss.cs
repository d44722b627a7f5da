// P pairs.
using TorchSharp;
using static TorchSharp.torch;

namespace RewardModel.Service.Training;

/// <summary>
/// Bradley–Terry with ties (Davidson 1970, "On extending the Bradley-Terry model to accommodate ties in paired comparison experiments"):
/// win : tie : loss = e^(d/2) : ν : e^(−d/2) with d the difference of the scores.
/// </summary>
public static class DavidsonLoss
{
    /// <summary>Σ ω·(−log P(outcome)), plus c·(first + second)².</summary>
    /// <param name="first_P">Scores of the preferred completions; of a tie, either [P].</param>
    /// <param name="second_P">Scores of the others [P].</param>
    /// <param name="tie_P">1 where nobody won, else 0 [P].</param>
    /// <param name="nu">ν, positive: how common ties are. Between equal scores a tie has the probability ν/(2 + ν).</param>
    /// <param name="margin_P">By how much the first score should lead where it won [P]; null for 0.</param>
    /// <param name="centering">c.</param>
    /// <param name="weights_P">ω [P]; null for the mean.</param>
    public static Tensor Compute(
        Tensor first_P, Tensor second_P, Tensor tie_P, double nu, Tensor? margin_P = null, double centering = 0, Tensor? weights_P = null)
    {
        ArgumentNullException.ThrowIfNull(first_P);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(nu);
        var difference_P = margin_P is null ? first_P - second_P : first_P - second_P - margin_P;
        var half_P = difference_P * 0.5;
        var logTie_P = full_like(half_P, Math.Log(nu));

        // Of win, tie and loss, up to a common factor.
        var total_P = stack([half_P, logTie_P, half_P.neg()], 0).logsumexp(0);
        var loss_P = total_P - (half_P * (1.0 - tie_P)) - (logTie_P * tie_P);
        if (centering != 0)
        {
            loss_P = loss_P + (centering * (first_P + second_P).square());
        }

        return weights_P is null ? loss_P.mean() : (weights_P * loss_P).sum();
    }

    /// <summary>The ν at which equal scores tie as often as <paramref name="tieShare"/>: 2·p/(1 − p).</summary>
    /// <param name="tieShare">Share of comparisons that are ties, in (0, 1).</param>
    public static double NuOfTieShare(double tieShare) => 2 * tieShare / (1 - tieShare);
}
