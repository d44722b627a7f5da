using Rlhf.Torch.Extensions.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Training.Optimization;

/// <summary>Clipping of gradients by their common norm (Pascanu, Mikolov and Bengio 2013).</summary>
public static class GradientClipping
{
    // PyTorch's clip_grad_norm_ adds it so that a zero norm does not divide.
    private const double NormEpsilon = 1e-6;

    /// <summary>
    /// The factor min(1, maxNorm / (norm + 1e-6)) for all gradients, norm being the L2 norm over all of them together. They stay as they are:
    /// <see cref="AdamWOptimizer.Step"/> multiplies them on its way, which saves a pass over memory.
    /// </summary>
    /// <param name="parameters">The parameters; those without gradient do not count.</param>
    /// <param name="maxNorm">The largest norm left; 0: any.</param>
    /// <returns>The norm before clipping and the factor, tensors of no dimension, so that nothing waits for the device; the caller's to dispose.</returns>
    public static (Tensor Norm, Tensor Factor) ByNorm(IEnumerable<Parameter> parameters, double maxNorm)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxNorm);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var gradients = parameters.Select(p => p.grad).Where(g => g is not null).Select(g => g!).ToArray();
        if (gradients.Length == 0)
        {
            return (tensor(0f).MoveToOuterDisposeScope(), tensor(1f).MoveToOuterDisposeScope());
        }

        var norm = CpuKernels.Take(gradients) && gradients.All(g => g.is_contiguous())
            ? tensor((float)Math.Sqrt(gradients.Sum(FusedFunctions.SumSquares)))
            : stack(gradients.Select(g => g.square().sum())).sum().sqrt();
        var factor = maxNorm > 0 ? (maxNorm / (norm + NormEpsilon)).clamp(max: 1.0) : ones_like(norm);
        return (norm.MoveToOuterDisposeScope(), factor.MoveToOuterDisposeScope());
    }
}
