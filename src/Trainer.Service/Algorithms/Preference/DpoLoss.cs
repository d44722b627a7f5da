// P pairs.
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Preference;

/// <summary>Direct preference optimisation (Rafailov et al. 2023) and its relatives, from the log-probabilities of whole completions.</summary>
internal static class DpoLoss
{
    // Largest number whose exponential is finite in single precision, less a margin: TRL's cap.
    private const double LargestExponent = 88;

    /// <summary>The loss of each pair, or for the losses that compare within the batch, the loss of each rank.</summary>
    /// <param name="type">Which loss.</param>
    /// <param name="pairs">Log-probabilities under policy and reference.</param>
    /// <param name="config">β, label smoothing, divergence.</param>
    /// <param name="chosenTokens">Tokens of all chosen completions of the batch, for <see cref="DpoLossType.Sft"/>.</param>
    /// <param name="batchPairs">Pairs of the whole batch, for <see cref="DpoLossType.Sft"/>.</param>
    /// <returns>[P]; the batch's loss is the mean.</returns>
    public static Tensor Compute(DpoLossType type, PairLogprobs pairs, DpoConfig config, double chosenTokens, int batchPairs)
    {
        var (beta, epsilon) = (config.Beta, config.LabelSmoothing);
        var chosen_P = pairs.ChosenLogRatio_P;
        var rejected_P = pairs.RejectedLogRatio_P;
        switch (type)
        {
            case DpoLossType.Sigmoid:
                return Smoothed(beta * Delta(), epsilon);
            case DpoLossType.SigmoidNorm:
                return Smoothed(beta * NormalisedDelta(), epsilon);
            case DpoLossType.Robust:
                var robust_P = beta * Delta();
                return ((LogSigmoid(robust_P) * -(1 - epsilon)) + (LogSigmoid(-robust_P) * epsilon)) / (1 - (2 * epsilon));
            case DpoLossType.Hinge:
                return nn.functional.relu(1 - (beta * Delta()));
            case DpoLossType.Ipo:
                return (NormalisedDelta() - (1 / (2 * beta))).square();
            case DpoLossType.IpoSum:
                return (Delta() - (1 / (2 * beta))).square();
            case DpoLossType.ExoPair:
                var exo_P = beta * Delta();
                return (exo_P.sigmoid() * (LogSigmoid(exo_P) - Math.Log(1 - epsilon))) + ((-exo_P).sigmoid() * (LogSigmoid(-exo_P) - Math.Log(epsilon)));
            case DpoLossType.NcaPair:
                return -LogSigmoid(beta * chosen_P) - (0.5 * LogSigmoid(-beta * chosen_P)) - (0.5 * LogSigmoid(-beta * rejected_P));
            case DpoLossType.BcoPair:
                return -LogSigmoid(beta * chosen_P) - LogSigmoid(-beta * rejected_P);
            case DpoLossType.SppoHard:
                return (chosen_P - (0.5 / beta)).square() + (rejected_P + (0.5 / beta)).square();
            case DpoLossType.Aot:
                return Smoothed(beta * (Sorted(pairs.Chosen_P - pairs.Rejected_P) - Sorted(pairs.ReferenceChosen_P! - pairs.ReferenceRejected_P!)), epsilon);
            case DpoLossType.AotUnpaired:
                return Smoothed(beta * (Sorted(chosen_P) - Sorted(rejected_P)), epsilon);
            case DpoLossType.ApoZero:
                return 1 - (beta * chosen_P).sigmoid() + (beta * rejected_P).sigmoid();
            case DpoLossType.ApoDown:
                return (beta * chosen_P).sigmoid() + 1 - (beta * (chosen_P - rejected_P)).sigmoid();
            case DpoLossType.Discopop:
                var disco_P = beta * Delta();
                var modulation_P = (disco_P / config.DiscopopTau).sigmoid();
                return (-LogSigmoid(disco_P) * (1 - modulation_P)) + ((-disco_P).exp() * modulation_P);
            case DpoLossType.Sft:
                return pairs.Chosen_P * (-batchPairs / chosenTokens);
            default:
                throw new System.Diagnostics.UnreachableException($"Unknown loss {type}.");
        }

        Tensor Delta() => Score(chosen_P, config) - Score(rejected_P, config);

        Tensor NormalisedDelta() => (chosen_P / pairs.ChosenTokens_P) - (rejected_P / pairs.RejectedTokens_P);
    }

    /// <summary>f′(π/π_ref) up to a constant, from the log-ratio: what β times a difference of makes the implicit reward difference.</summary>
    private static Tensor Score(Tensor logRatio_P, DpoConfig config) => config.FDivergence switch
    {
        FDivergence.ReverseKl => logRatio_P,
        FDivergence.ForwardKl => -CappedExp(-logRatio_P),
        FDivergence.JsDivergence => logRatio_P - nn.functional.softplus(logRatio_P),
        FDivergence.AlphaDivergence => -CappedExp(-config.FAlphaDivergenceCoef * logRatio_P) / config.FAlphaDivergenceCoef,
        _ => throw new System.Diagnostics.UnreachableException($"Unknown divergence {config.FDivergence}."),
    };

    private static Tensor CappedExp(Tensor x) => x.clamp(max: LargestExponent).exp();

    private static Tensor Smoothed(Tensor logits_P, double epsilon) =>
        epsilon == 0 ? -LogSigmoid(logits_P) : (LogSigmoid(logits_P) * -(1 - epsilon)) - (LogSigmoid(-logits_P) * epsilon);

    private static Tensor Sorted(Tensor values_P) => values_P.sort(dim: 0).Values;

    private static Tensor LogSigmoid(Tensor x) => nn.functional.logsigmoid(x);
}
