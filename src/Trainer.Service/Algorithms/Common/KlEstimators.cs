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
}

/// <summary>Estimates of KL(π ‖ π_ref) from one token drawn from π (Schulman 2020, "Approximating KL divergence").</summary>
public static class KlEstimators
{
    /// <summary>The estimate from d = log π(token) − log π_ref(token), element by element.</summary>
    public static Tensor Estimate(Tensor logRatio, KlEstimator estimator) => estimator switch
    {
        KlEstimator.K1 => logRatio,
        KlEstimator.K2 => logRatio.square() * 0.5,
        KlEstimator.K3 => logRatio.neg().exp() - 1 + logRatio,
        _ => throw new System.Diagnostics.UnreachableException($"Unknown estimator {estimator}."),
    };
}
