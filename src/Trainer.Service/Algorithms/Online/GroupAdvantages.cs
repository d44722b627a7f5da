// G groups, K responses of a group.
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Online;

/// <summary>Advantages of whole responses from the rewards of their group.</summary>
public static class GroupAdvantages
{
    private const double GrpoEpsilon = 1e-4;
    private const double NormalisationEpsilon = 1e-8;

    /// <summary>r − mean, divided by what <paramref name="scale"/> says (Shao et al. 2024, section 4.1.2; TRL's 1e-4 keeps equal rewards from dividing by zero).</summary>
    /// <param name="rewards_GK">[G, K].</param>
    /// <param name="scale">The divisor.</param>
    /// <returns>[G, K].</returns>
    public static Tensor Grpo(Tensor rewards_GK, ScaleRewards scale)
    {
        var centred_GK = rewards_GK - rewards_GK.mean([1], keepdim: true);
        return scale switch
        {
            ScaleRewards.Group => centred_GK / (Deviation(rewards_GK, 1) + GrpoEpsilon),
            ScaleRewards.Batch => centred_GK / (Deviation(rewards_GK.reshape(1, -1), 1) + GrpoEpsilon),
            ScaleRewards.None => centred_GK,
            _ => throw new System.Diagnostics.UnreachableException($"Unknown scale {scale}."),
        };
    }

    /// <summary>r − the mean of the others (Ahmadian et al. 2024, equation 8).</summary>
    /// <param name="rewards_GK">[G, K], K ≥ 2.</param>
    /// <returns>[G, K].</returns>
    public static Tensor LeaveOneOut(Tensor rewards_GK)
    {
        var k = rewards_GK.shape[1];
        return (rewards_GK - rewards_GK.mean([1], keepdim: true)) * (k / (k - 1.0));
    }

    /// <summary>Mean 0 and standard deviation 1 over everything.</summary>
    /// <param name="values">Any shape.</param>
    public static Tensor Normalise(Tensor values) =>
        (values - values.mean()) / (Deviation(values.reshape(1, -1), 1).reshape(1) + NormalisationEpsilon);

    // Unbiased, over the rows; written out because Tensor.var's overloads differ between the bindings.
    private static Tensor Deviation(Tensor values, long dim)
    {
        var centred = values - values.mean([dim], keepdim: true);
        return (centred.square().sum(dim, keepdim: true) / Math.Max(1, values.shape[dim] - 1)).sqrt();
    }
}
