// P pairs.
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Preference;

/// <summary>Odds ratio preference optimisation (Hong et al. 2024): fine-tuning with a penalty on the odds of the rejected completion.</summary>
internal static class OrpoLoss
{
    /// <summary>−β·log σ(log odds(chosen)/odds(rejected)), odds(y) = p/(1 − p) with p the geometric mean of the tokens' probabilities (equations 4 to 7).</summary>
    /// <param name="chosenMean_P">Mean log-probability per token of the chosen completions [P], below 0.</param>
    /// <param name="rejectedMean_P">The same of the rejected ones [P].</param>
    /// <param name="beta">λ of the paper.</param>
    /// <returns>[P], to be added to the negative log-likelihood of the chosen completions.</returns>
    public static Tensor OddsRatio(Tensor chosenMean_P, Tensor rejectedMean_P, double beta) =>
        nn.functional.logsigmoid(LogOdds(chosenMean_P) - LogOdds(rejectedMean_P)) * -beta;

    /// <summary>log(p/(1 − p)) from log p.</summary>
    public static Tensor LogOdds(Tensor logprob_P) => logprob_P - (-logprob_P.exp()).log1p();
}
