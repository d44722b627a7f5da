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
    /// Scales all gradients by min(1, maxNorm / (norm + 1e-6)), norm being the L2 norm over all of them together.
    /// </summary>
    /// <param name="parameters">The parameters; those without gradient do not count.</param>
    /// <param name="maxNorm">The largest norm left; 0 only measures.</param>
    /// <returns>The norm before clipping, a tensor of no dimension, so that nothing waits for the device; the caller's to dispose.</returns>
    public static Tensor ByNorm(IEnumerable<Parameter> parameters, double maxNorm)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxNorm);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var gradients = parameters.Select(p => p.grad).Where(g => g is not null).Select(g => g!).ToArray();
        if (gradients.Length == 0)
        {
            return zeros(1).select(0, 0).MoveToOuterDisposeScope();
        }

        var norm = CpuKernels.Take(gradients) && gradients.All(g => g.is_contiguous())
            ? tensor((float)Math.Sqrt(gradients.Sum(FusedFunctions.SumSquares)))
            : stack(gradients.Select(g => g.square().sum())).sum().sqrt();
        if (maxNorm > 0)
        {
            var scale = (maxNorm / (norm + NormEpsilon)).clamp(max: 1.0);
            foreach (var gradient in gradients)
            {
                gradient.mul_(scale);
            }
        }

        return norm.MoveToOuterDisposeScope();
    }
}
