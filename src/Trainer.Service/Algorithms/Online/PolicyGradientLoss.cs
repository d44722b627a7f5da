// B responses, T response columns.
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Online;

/// <summary>The losses of the methods without a critic: the clipped surrogate over tokens or whole responses, likelihood, pairs.</summary>
internal static class PolicyGradientLoss
{
    /// <summary>GRPO and its variants.</summary>
    /// <param name="logprobs_BT">log π, with gradient; 0 at padding [B, T].</param>
    /// <param name="oldLogprobs_BT">log π of the policy that sampled [B, T].</param>
    /// <param name="refLogprobs_BT">log π_ref [B, T]; null without a penalty.</param>
    /// <param name="advantages_BT">A [B, T].</param>
    /// <param name="mask_BT">1 at response tokens [B, T].</param>
    /// <param name="weights_BT">What each token's loss counts; see <see cref="Weights"/> [B, T].</param>
    /// <param name="config">Loss type, clip ranges, β.</param>
    public static PolicyGradientResult Grpo(
        Tensor logprobs_BT, Tensor oldLogprobs_BT, Tensor? refLogprobs_BT, Tensor advantages_BT, Tensor mask_BT, Tensor weights_BT, GrpoConfig config)
    {
        var logRatio_BT = config.ImportanceSamplingLevel == ImportanceSamplingLevel.Token
            ? logprobs_BT - oldLogprobs_BT
            : (((logprobs_BT - oldLogprobs_BT) * mask_BT).sum(1, keepdim: true) / mask_BT.sum(1, keepdim: true).clamp(min: 1)).expand_as(mask_BT);
        var ratio_BT = logRatio_BT.exp();
        var (low, high) = (1 - config.Epsilon, 1 + (config.EpsilonHigh ?? config.Epsilon));
        Tensor loss_BT;
        if (config.LossType == GrpoLossType.Cispo)
        {
            high = config.EpsilonHigh!.Value;
            loss_BT = -(ratio_BT.detach().clamp(max: high) * advantages_BT * logprobs_BT);
        }
        else
        {
            var unclipped_BT = (config.Delta is { } delta ? ratio_BT.clamp(max: delta) : ratio_BT) * advantages_BT;
            loss_BT = -minimum(unclipped_BT, ratio_BT.clamp(low, high) * advantages_BT);
        }

        if (config.Beta > 0)
        {
            loss_BT = loss_BT + (config.Beta * Common.KlEstimators.Estimate(logprobs_BT - refLogprobs_BT!, Common.KlEstimator.K3));
        }

        return Result((loss_BT * weights_BT).sum(), logRatio_BT, ratio_BT, advantages_BT, mask_BT, low, high);
    }

    /// <summary>PPO's clipped surrogate on tokens (REINFORCE++, ReMax).</summary>
    public static PolicyGradientResult Clipped(
        Tensor logprobs_BT, Tensor oldLogprobs_BT, Tensor advantages_BT, Tensor mask_BT, Tensor weights_BT, double epsilon)
    {
        var logRatio_BT = logprobs_BT - oldLogprobs_BT;
        var ratio_BT = logRatio_BT.exp();
        var loss_BT = -minimum(ratio_BT * advantages_BT, ratio_BT.clamp(1 - epsilon, 1 + epsilon) * advantages_BT);
        return Result((loss_BT * weights_BT).sum(), logRatio_BT, ratio_BT, advantages_BT, mask_BT, 1 - epsilon, 1 + epsilon);
    }

    /// <summary>RLOO: one ratio for the whole response, the product over its tokens (Ahmadian et al. 2024).</summary>
    /// <param name="logprobs_BT">As in <see cref="Grpo"/>.</param>
    /// <param name="oldLogprobs_BT">As in <see cref="Grpo"/>.</param>
    /// <param name="advantages_BT">Equal within a row.</param>
    /// <param name="mask_BT">As in <see cref="Grpo"/>.</param>
    /// <param name="weights_BT">Must be 1/B at the first token of each row or spread over it.</param>
    /// <param name="epsilon">Clip range.</param>
    public static PolicyGradientResult Rloo(
        Tensor logprobs_BT, Tensor oldLogprobs_BT, Tensor advantages_BT, Tensor mask_BT, Tensor weights_BT, double epsilon)
    {
        var logRatio_BT = ((logprobs_BT - oldLogprobs_BT) * mask_BT).sum(1, keepdim: true).expand_as(mask_BT);
        var ratio_BT = logRatio_BT.exp();
        var loss_BT = -minimum(ratio_BT * advantages_BT, ratio_BT.clamp(1 - epsilon, 1 + epsilon) * advantages_BT);
        return Result((loss_BT * weights_BT).sum(), logRatio_BT, ratio_BT, advantages_BT, mask_BT, 1 - epsilon, 1 + epsilon);
    }

    /// <summary>−log π of the tokens: fine-tuning on responses that were kept.</summary>
    public static PolicyGradientResult NegativeLogLikelihood(Tensor logprobs_BT, Tensor oldLogprobs_BT, Tensor mask_BT, Tensor weights_BT) =>
        Unclipped(-(logprobs_BT * weights_BT).sum(), logprobs_BT - oldLogprobs_BT, mask_BT);

    /// <summary>DPO on pairs that lie beside each other, chosen first.</summary>
    /// <param name="logprobs_BT">As in <see cref="Grpo"/>; B is even.</param>
    /// <param name="oldLogprobs_BT">As in <see cref="Grpo"/>.</param>
    /// <param name="refLogprobs_BT">As in <see cref="Grpo"/>.</param>
    /// <param name="mask_BT">As in <see cref="Grpo"/>.</param>
    /// <param name="weights_BT">In each cell of a pair what its loss counts.</param>
    /// <param name="config">Loss type and β.</param>
    public static PolicyGradientResult Dpo(
        Tensor logprobs_BT, Tensor oldLogprobs_BT, Tensor refLogprobs_BT, Tensor mask_BT, Tensor weights_BT, OnlineDpoConfig config)
    {
        var logRatios_P2 = ((logprobs_BT - refLogprobs_BT) * mask_BT).sum(1).reshape(-1, 2);
        var delta_P = logRatios_P2.select(1, 0) - logRatios_P2.select(1, 1);
        var loss_P = config.LossType == OnlineDpoLossType.Sigmoid
            ? -nn.functional.logsigmoid(config.Beta * delta_P)
            : (delta_P - (1 / (2 * config.Beta))).square();
        return Unclipped((loss_P * weights_BT.select(1, 0).reshape(-1, 2).select(1, 0)).sum(), logprobs_BT - oldLogprobs_BT, mask_BT);
    }

    /// <summary>What each token's loss counts, for the rows of a whole optimizer step.</summary>
    /// <param name="mask_BT">1 at tokens that teach [B, T].</param>
    /// <param name="type">How token losses become one number.</param>
    /// <param name="maxNewTokens">The longest a response could be, for Dr. GRPO.</param>
    public static Tensor Weights(Tensor mask_BT, GrpoLossType type, int maxNewTokens) => type switch
    {
        GrpoLossType.Grpo => mask_BT / (mask_BT.sum(1, keepdim: true).clamp(min: 1) * (double)mask_BT.shape[0]),
        GrpoLossType.DrGrpo => mask_BT / ((double)mask_BT.shape[0] * maxNewTokens),
        GrpoLossType.Dapo or GrpoLossType.Cispo => mask_BT / mask_BT.sum().clamp(min: 1),
        _ => throw new System.Diagnostics.UnreachableException($"Unknown loss {type}."),
    };

    private static PolicyGradientResult Unclipped(Tensor loss, Tensor logRatio_BT, Tensor mask_BT) =>
        Result(loss, logRatio_BT, logRatio_BT.exp(), zeros_like(mask_BT), mask_BT, low: 0, high: double.PositiveInfinity);

    private static PolicyGradientResult Result(
        Tensor loss, Tensor logRatio_BT, Tensor ratio_BT, Tensor advantages_BT, Tensor mask_BT, double low, double high)
    {
        using var noGrad = no_grad();
        var (ratio, logRatio) = (ratio_BT.detach(), logRatio_BT.detach());
        var clipped_BT = (ratio.lt(low) & advantages_BT.lt(0)) | (ratio.gt(high) & advantages_BT.gt(0));
        return new PolicyGradientResult(
            loss,
            loss.detach(),
            ((logRatio.square() * mask_BT).sum() * 0.5),
            (clipped_BT.to_type(mask_BT.dtype) * mask_BT).sum(),
            (ratio * mask_BT).sum(),
            ((ratio - 1) * mask_BT).abs().max());
    }
}

/// <summary>A loss and what it showed, tensors without dimension. Sums are over response tokens.</summary>
/// <param name="Loss">With gradient.</param>
/// <param name="LossValue">Without.</param>
/// <param name="ApproxKlSum">Σ ½ (log ρ)².</param>
/// <param name="ClippedSum">Tokens whose ratio was clipped.</param>
/// <param name="RatioSum">Σ ρ.</param>
/// <param name="RatioError">Largest |ρ − 1|.</param>
internal sealed record PolicyGradientResult(Tensor Loss, Tensor LossValue, Tensor ApproxKlSum, Tensor ClippedSum, Tensor RatioSum, Tensor RatioError);
