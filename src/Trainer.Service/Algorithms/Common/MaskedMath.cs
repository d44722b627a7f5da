using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Common;

/// <summary>The divisor of a variance.</summary>
public enum VarianceKind
{
    /// <summary>n, as in N+ and OpenAI's code.</summary>
    Biased,

    /// <summary>n − 1, as in TRL.</summary>
    Unbiased,
}

/// <summary>Sums, means and variances over the elements where a mask is 1. Masks have the dtype of the values.</summary>
public static class MaskedMath
{
    /// <summary>Σ mask · values.</summary>
    public static Tensor Sum(Tensor values, Tensor mask) => (values * mask).sum();

    /// <summary>The mean over the elements where the mask is 1; there must be one.</summary>
    public static Tensor Mean(Tensor values, Tensor mask) => (values * mask).sum() / mask.sum();

    /// <summary>The variance over the elements where the mask is 1.</summary>
    public static Tensor Variance(Tensor values, Tensor mask, VarianceKind kind)
    {
        var count = mask.sum();
        var deviation = (values - Mean(values, mask)) * mask;
        return deviation.square().sum() / (kind == VarianceKind.Biased ? count : count - 1);
    }

    /// <summary>1 where the column's index is at most the row's limit, else 0.</summary>
    /// <param name="lastIndex_B">The last column of each row that counts, int64 [B].</param>
    /// <param name="columns">How many columns, T.</param>
    /// <param name="type">The mask's dtype.</param>
    /// <returns>[B, T].</returns>
    public static Tensor UpTo(Tensor lastIndex_B, long columns, ScalarType type) =>
        arange(columns, int64).unsqueeze(0).le(lastIndex_B.unsqueeze(1)).to_type(type);
}
