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
    /// mean(−w·log σ(d) − (1 − w)·log σ(−d)) + c·mean((chosen + rejected)²) with d = chosen − rejected − margin.
    /// </summary>
    /// <param name="chosen_P">Scores of the preferred completions [P].</param>
    /// <param name="rejected_P">Scores of the others [P].</param>
    /// <param name="chosenProbability_P">w [P]; null for 1 everywhere.</param>
    /// <param name="margin_P">[P]; null for 0 everywhere.</param>
    /// <param name="centering">c: how strongly scores are drawn to mean zero.</param>
    public static Tensor Compute(
        Tensor chosen_P,
        Tensor rejected_P,
        Tensor? chosenProbability_P = null,
        Tensor? margin_P = null,
        double centering = 0)
    {
        var difference_P = chosen_P - rejected_P;
        if (margin_P is not null)
        {
            difference_P = difference_P - margin_P;
        }

        var agreement_P = nn.functional.logsigmoid(difference_P);
        var loss = chosenProbability_P is null
            ? agreement_P.mean().neg()
            : ((chosenProbability_P * agreement_P) + ((1.0 - chosenProbability_P) * nn.functional.logsigmoid(difference_P.neg()))).mean().neg();
        return centering == 0 ? loss : loss + (centering * (chosen_P + rejected_P).square().mean());
    }
}
