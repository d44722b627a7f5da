using Rlhf.Torch.Extensions.Kernels;
using static TorchSharp.torch;

namespace Rlhf.Torch.Extensions.Tests.Kernels;

/// <summary>Runs a test once on every instruction set that this processor has.</summary>
[Collection(nameof(KernelTest))]
[CollectionDefinition(nameof(KernelTest), DisableParallelization = true)]
public abstract class KernelTest
{
    /// <summary>1: AVX2, 2: AVX-512, 3: AVX-512 with bf16 and VNNI.</summary>
    public static TheoryData<int> Levels => [1, 2, 3];

    private protected static void OnLevel(int level, Action test)
    {
        Assert.SkipUnless(CpuKernels.IsAvailable, $"there are no CPU kernels: {KernelLibrary.Problem ?? "the processor has no AVX2"}");
        var best = KernelMethods.rk_level();
        Assert.SkipUnless(level <= best, $"the processor has instruction sets up to level {best}");
        KernelMethods.rk_set_level(level);
        try
        {
            using var scope = NewDisposeScope();
            test();
        }
        finally
        {
            KernelMethods.rk_set_level(best);
        }
    }

    /// <summary>Normal numbers that are the same in every run.</summary>
    private protected static Tensor Random(long seed, params long[] shape)
    {
        using var generator = new Generator((ulong)seed);
        return randn(shape, dtype: ScalarType.Float32, generator: generator);
    }

    /// <summary>Equal up to the rounding of single precision, measured by the largest number.</summary>
    private protected static void Close(Tensor expected, Tensor actual, double tolerance = 2e-6)
    {
        Assert.Equal(expected.shape, actual.shape);
        var reference = expected.to_type(ScalarType.Float64);
        var difference = (reference - actual.to_type(ScalarType.Float64)).abs().max().item<double>();
        var size = Math.Max(1, reference.abs().max().item<double>());
        Assert.True(difference <= tolerance * size, $"the largest difference is {difference:G3}, the largest number {size:G3}");
    }

    /// <summary>Both functions, and their gradients for the same upstream gradient, agree.</summary>
    private protected static void SameWithGradients(Func<Tensor[], Tensor> reference, Func<Tensor[], Tensor> fused, params Tensor[] inputs)
    {
        var exact = inputs.Select(input => input.detach().to_type(ScalarType.Float64).requires_grad_()).ToArray();
        var single = inputs.Select(input => input.detach().clone().requires_grad_()).ToArray();
        var expected = reference(exact);
        var actual = fused(single);
        Close(expected.detach(), actual.detach());

        var upstream = Random(99, [.. expected.shape]);
        (expected * upstream.to_type(ScalarType.Float64)).sum().backward();
        (actual * upstream).sum().backward();
        for (var i = 0; i < inputs.Length; i++)
        {
            Close(exact[i].grad!, single[i].grad!);
        }
    }
}
