// P pairs.
using TorchSharp;
using static TorchSharp.torch;

namespace RewardModel.Service.Training;

/// <summary>
/// The loss of Bradley and Terry (1952) on score differences, as in Stiennon et al. 2020, with three common additions: soft labels
/// (a tie is a label of ½), a margin (Touvron et al. 2023, Llama 2, equation 2) and centring (Eisenstein et al. 2023).
/// </summary>
public static class BradleyTerryLoss
{
    /// <summary>
    /// Σ ω·(−w·log σ(d) − (1 − w)·log σ(−d) + c·(chosen + rejected)²) with d = chosen − rejected − margin.
    /// </summary>
    /// <param name="chosen_P">Scores of the preferred completions [P].</param>
    /// <param name="rejected_P">Scores of the others [P].</param>
    /// <param name="chosenProbability_P">w [P]; null for 1 everywhere.</param>
    /// <param name="margin_P">[P]; null for 0 everywhere.</param>
    /// <param name="centering">c: how strongly scores are drawn to mean zero (TRL's <c>center_rewards_coefficient</c>).</param>
    /// <param name="weights_P">ω, what each pair counts [P]; null for 1/P, the mean.</param>
    public static Tensor Compute(
        Tensor chosen_P,
        Tensor rejected_P,
        Tensor? chosenProbability_P = null,
        Tensor? margin_P = null,
        double centering = 0,
        Tensor? weights_P = null)
    {
        ArgumentNullException.ThrowIfNull(chosen_P);
        var difference_P = margin_P is null ? chosen_P - rejected_P : chosen_P - rejected_P - margin_P;
        var loss_P = -nn.functional.logsigmoid(difference_P);
        if (chosenProbability_P is not null)
        {
            loss_P = (chosenProbability_P * loss_P) - ((1.0 - chosenProbability_P) * nn.functional.logsigmoid(difference_P.neg()));
        }

        if (centering != 0)
        {
            loss_P = loss_P + (centering * (chosen_P + rejected_P).square());
        }

        return weights_P is null ? loss_P.mean() : (weights_P * loss_P).sum();
    }
}
