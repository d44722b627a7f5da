// B episodes, T response columns.
using Trainer.Service.Algorithms.Common;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Ppo;

/// <summary>
/// The clipped surrogate (Schulman et al. 2017, equation 7) and the clipped value loss, as the N+ reference computes them.
/// </summary>
internal static class PpoLoss
{
    /// <summary>
    /// What each cell weighs, so that Σ weight · x is the average of x. The weights of a minibatch are made once; a micro-batch takes
    /// its rows of them, and the sum over micro-batches is the minibatch's average whatever their sizes.
    /// </summary>
    /// <param name="mask_BT">1 at cells that count [B, T].</param>
    /// <param name="averaging">Over all tokens, or over each row first.</param>
    public static Tensor Weights(Tensor mask_BT, LossAveraging averaging) => averaging switch
    {
        LossAveraging.AllTokens => mask_BT / mask_BT.sum(),
        LossAveraging.MeanOfRows => mask_BT / mask_BT.sum(1, keepdim: true) / (double)mask_BT.shape[0],
        _ => throw new System.Diagnostics.UnreachableException($"Unknown averaging {averaging}."),
    };

    /// <summary>The loss of a micro-batch and what it shows.</summary>
    /// <param name="logprobs_BT">log π(token) now, with gradient [B, T].</param>
    /// <param name="oldLogprobs_BT">log π(token) of the rollout [B, T].</param>
    /// <param name="advantages_BT">Whitened advantages [B, T].</param>
    /// <param name="weights_BT">From <see cref="Weights"/> over response tokens [B, T].</param>
    /// <param name="values_BT">V now, with gradient [B, T].</param>
    /// <param name="oldValues_BT">V of the rollout [B, T].</param>
    /// <param name="returns_BT">The critic's targets [B, T].</param>
    /// <param name="valueWeights_BT">From <see cref="Weights"/> over response tokens and the column after them [B, T].</param>
    /// <param name="config">Clip ranges, the value coefficient and the estimator of a KL loss.</param>
    /// <param name="refLogprobs_BT">log π_ref(token) [B, T]; only with a KL loss.</param>
    /// <param name="klCoefficient">β of a KL loss.</param>
    public static PpoLossResult Compute(
        Tensor logprobs_BT,
        Tensor oldLogprobs_BT,
        Tensor advantages_BT,
        Tensor weights_BT,
        Tensor values_BT,
        Tensor oldValues_BT,
        Tensor returns_BT,
        Tensor valueWeights_BT,
        PpoConfig config,
        Tensor? refLogprobs_BT = null,
        double klCoefficient = 0)
    {
        // Padding has weight 0, but its ratio must stay finite for 0 · ratio to be 0.
        var counts_BT = weights_BT.gt(0).to_type(logprobs_BT.dtype);
        var logRatio_BT = (logprobs_BT - oldLogprobs_BT) * counts_BT;
        var ratio_BT = logRatio_BT.exp();
        var unclipped_BT = advantages_BT.neg() * ratio_BT;
        var clipped_BT = advantages_BT.neg() * ratio_BT.clamp(1 - config.ClipRange, 1 + config.ClipRange);
        var policyLoss = (maximum(unclipped_BT, clipped_BT) * weights_BT).sum();

        var clippedValues_BT = oldValues_BT + (values_BT - oldValues_BT).clamp(-config.ValueClipRange, config.ValueClipRange);
        var error_BT = (values_BT - returns_BT).square();
        var clippedError_BT = (clippedValues_BT - returns_BT).square();
        var valueLoss = (maximum(error_BT, clippedError_BT) * valueWeights_BT).sum() * 0.5;
        var loss = policyLoss + (config.ValueCoefficient * valueLoss);
        if (config.UseKlLoss)
        {
            var kl_BT = KlEstimators.Estimate((logprobs_BT - refLogprobs_BT!) * counts_BT, config.KlEstimator);
            loss = loss + (klCoefficient * (kl_BT * weights_BT).sum());
        }

        using var noGrad = no_grad();
        return new PpoLossResult(loss, new PpoLossStats(
            PolicyLoss: policyLoss.detach(),
            ValueLoss: valueLoss.detach(),
            TotalLoss: loss.detach(),
            ApproxKl: (logRatio_BT.detach().square() * weights_BT).sum() * 0.5,
            ClipFraction: (clipped_BT.detach().gt(unclipped_BT.detach()).to_type(logprobs_BT.dtype) * weights_BT).sum(),
            RatioMean: (ratio_BT.detach() * weights_BT).sum(),
            RatioError: ((ratio_BT.detach() - 1) * counts_BT).abs().max(),
            ValueClipFraction: (clippedError_BT.detach().gt(error_BT.detach()).to_type(logprobs_BT.dtype) * valueWeights_BT).sum()));
    }
}

/// <summary>A loss with gradient, and its detached statistics.</summary>
internal sealed record PpoLossResult(Tensor Loss, PpoLossStats Stats);

/// <summary>Statistics of one loss, tensors without dimension. All but <see cref="RatioError"/> add up over micro-batches.</summary>
/// <param name="PolicyLoss">The clipped surrogate loss.</param>
/// <param name="ValueLoss">The clipped value loss.</param>
/// <param name="TotalLoss">Policy loss plus weighted value loss, and the KL loss where there is one.</param>
/// <param name="ApproxKl">Average of ½ (log ρ)².</param>
/// <param name="ClipFraction">Share of tokens whose clipped loss was the larger.</param>
/// <param name="RatioMean">Average ρ.</param>
/// <param name="RatioError">Largest |ρ − 1|.</param>
/// <param name="ValueClipFraction">Share of values whose clipped error was the larger.</param>
internal sealed record PpoLossStats(
    Tensor PolicyLoss,
    Tensor ValueLoss,
    Tensor TotalLoss,
    Tensor ApproxKl,
    Tensor ClipFraction,
    Tensor RatioMean,
    Tensor RatioError,
    Tensor ValueClipFraction);
