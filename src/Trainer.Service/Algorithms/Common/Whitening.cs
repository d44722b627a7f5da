using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Common;

/// <summary>Shifts and scales values to mean 0 and variance 1.</summary>
public static class Whitening
{
    // From lm-human-preferences: keeps equal values from dividing by zero.
    private const double VarianceEpsilon = 1e-8;

    /// <summary>(x − mean) / √(var + 1e-8), plus the mean again when it is not to be shifted.</summary>
    /// <param name="values">Any shape.</param>
    /// <param name="mask">1 where a value counts, in the values' dtype; null for everywhere. Results elsewhere mean nothing.</param>
    /// <param name="variance">The divisor of the variance.</param>
    /// <param name="shiftMean">False keeps the mean (OpenAI's <c>shift_mean=False</c>, for rewards).</param>
    public static Tensor Apply(Tensor values, Tensor? mask = null, VarianceKind variance = VarianceKind.Biased, bool shiftMean = true)
    {
        var counted = mask ?? ones_like(values);
        var mean = MaskedMath.Mean(values, counted);
        var whitened = (values - mean) * (MaskedMath.Variance(values, counted, variance) + VarianceEpsilon).rsqrt();
        return shiftMean ? whitened : whitened + mean;
    }
}
