using static TorchSharp.torch;

namespace Rlhf.Torch.Extensions.Kernels;

/// <summary>Conversions between single precision and bfloat16 by the kernels: libtorch 1.13 converts on one instruction set only.</summary>
internal static unsafe class Bf16
{
    /// <summary>Rounded to the nearest, ties to even.</summary>
    /// <param name="x">Single precision, on the CPU.</param>
    public static Tensor From(Tensor x)
    {
        using var scope = NewDisposeScope();
        var source = x.contiguous();
        var result = empty(source.shape, dtype: ScalarType.BFloat16);
        CpuKernels.Check(KernelMethods.rk_to_bf16(CpuKernels.Floats(source), (ushort*)CpuKernels.Pointer(result), source.numel()));
        GC.KeepAlive(source);
        return result.MoveToOuterDisposeScope();
    }

    /// <summary>x + bias in single precision.</summary>
    /// <param name="x">bfloat16 [rows, width], contiguous.</param>
    /// <param name="bias">Single precision [width], or null.</param>
    public static Tensor ToSingle(Tensor x, Tensor? bias)
    {
        var result = empty(x.shape, dtype: ScalarType.Float32);
        var width = x.shape[^1];
        CpuKernels.Check(KernelMethods.rk_from_bf16(
            (ushort*)CpuKernels.Pointer(x), CpuKernels.Floats(bias), CpuKernels.Floats(result), x.numel() / width, width));
        GC.KeepAlive(x);
        GC.KeepAlive(bias);
        return result;
    }
}
