using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Common;

/// <summary>Which one-sample estimate of KL(π ‖ π_ref) becomes the per-token penalty.</summary>
public enum KlEstimator
{
    /// <summary>d: unbiased; single tokens may be negative.</summary>
    K1,

    /// <summary>½ d²: biased, never negative.</summary>
    K2,

    /// <summary>e^(−d) − 1 + d: unbiased, never negative.</summary>
    K3,

    /// <summary>|d| (TRL's <c>abs</c>).</summary>
    Abs,

    /// <summary>Σ π·(log π − log π_ref) over the whole vocabulary: exact for each token, and never negative (TRL's <c>full</c>).</summary>
    Full,
}

/// <summary>Estimates of KL(π ‖ π_ref) from one token drawn from π (Schulman 2020, "Approximating KL divergence").</summary>
public static class KlEstimators
{
    /// <summary>The estimate from d = log π(token) − log π_ref(token), element by element. Full needs distributions: <see cref="Full"/>.</summary>
    public static Tensor Estimate(Tensor logRatio, KlEstimator estimator) => estimator switch
    {
        KlEstimator.K1 => logRatio,
        KlEstimator.K2 => logRatio.square() * 0.5,
        KlEstimator.K3 => logRatio.neg().exp() - 1 + logRatio,
        KlEstimator.Abs => logRatio.abs(),
        _ => throw new System.Diagnostics.UnreachableException($"Unknown estimator {estimator}."),
    };

    /// <summary>KL(π ‖ π_ref) of whole next-token distributions.</summary>
    /// <param name="logits">Of the policy [..., V].</param>
    /// <param name="refLogits">Of the reference [..., V].</param>
    /// <returns>[...], nats.</returns>
    public static Tensor Full(Tensor logits, Tensor refLogits)
    {
        var (logP, logQ) = (nn.functional.log_softmax(logits, -1), nn.functional.log_softmax(refLogits, -1));
        return (logP.exp() * (logP - logQ)).sum(-1);
    }
}
