using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Torch.Extensions.Kernels;

/// <summary>Whether the kernels of librlhfkernels.so can be used, and the memory they see behind tensors.</summary>
public static unsafe class CpuKernels
{
    /// <summary>Keeps the kernels to lower instruction sets: 1 is AVX2, 2 AVX-512, 3 AVX-512 with bf16 and VNNI. For tests and comparisons.</summary>
    public const string LevelVariable = "RLHF_KERNELS_LEVEL";

    private static readonly Lazy<bool> usable = new(() =>
    {
        if (!KernelLibrary.IsAvailable || KernelMethods.rk_level() == 0)
        {
            return false;
        }

        if (int.TryParse(Environment.GetEnvironmentVariable(LevelVariable), out var level))
        {
            KernelMethods.rk_set_level(Math.Max(level, 1));
        }

        KernelMethods.rk_set_threads(Environment.ProcessorCount);
        return true;
    });

    /// <summary>Whether there are kernels for this processor (x86-64 with AVX2, or more).</summary>
    public static bool IsAvailable => usable.Value;

    /// <summary>
    /// Whether a linear operator rounds its input to bf16 before it meets a bf16 weight: only where the processor multiplies bf16 faster.
    /// Then it reads the input's bf16 copy, otherwise the input itself.
    /// </summary>
    public static bool RoundsActivations => IsAvailable && KernelMethods.rk_fast_bf16() != 0;

    /// <summary>
    /// Whether libtorch multiplies matrices of bf16 faster than of single precision here: with AMD's AVX-512 BF16 and Intel's AMX. Not by Intel's
    /// AVX-512 BF16 alone (docs/lab-log.md). True as well where nothing is known of the processor, because there are no kernels.
    /// </summary>
    public static bool MultipliesBf16Faster => !IsAvailable || KernelMethods.rk_fast_bf16() != 0 || KernelMethods.rk_matrix_unit() != 0;

    /// <summary>Threads of one kernel; by default as many as processors.</summary>
    /// <exception cref="InvalidOperationException">If there are no kernels.</exception>
    public static void SetThreads(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Require();
        KernelMethods.rk_set_threads(threads);
    }

    /// <summary>Whether the kernels take these tensors: they are there, on the CPU, in single precision. Nulls do not count.</summary>
    public static bool Take(params ReadOnlySpan<Tensor?> tensors)
    {
        if (!IsAvailable)
        {
            return false;
        }

        foreach (var tensor in tensors)
        {
            if (tensor is not null && (tensor.dtype != ScalarType.Float32 || tensor.device_type != DeviceType.CPU))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Runs a decode program.</summary>
    /// <param name="operators">The operators in order; their pointers are valid until the call returns.</param>
    /// <param name="batch">The rows.</param>
    /// <exception cref="InvalidOperationException">If there are no kernels.</exception>
    public static void Run(ReadOnlySpan<KernelOperator> operators, KernelBatch batch)
    {
        Require();
        fixed (KernelOperator* first = operators)
        {
            Check(KernelMethods.rk_run(first, operators.Length, &batch));
        }
    }

    /// <summary>Rounds a matrix to 8 bits: blocks of 32 along a row share a scale, the largest magnitude of a block becomes 127.</summary>
    /// <param name="source">[rows, columns], Float32 or BFloat16, on the CPU; columns are a multiple of 32.</param>
    /// <returns>int8 [rows, columns], and half-precision scales [rows, columns / 32].</returns>
    public static (Tensor Data, Tensor Scales) Quantize(Tensor source)
    {
        Require();
        ArgumentNullException.ThrowIfNull(source);
        if (source.shape is not [var rows, var columns] || columns % 32 != 0 || source.dtype is not (ScalarType.Float32 or ScalarType.BFloat16))
        {
            throw new ArgumentException($"a Float32 or BFloat16 matrix with a multiple of 32 columns is needed, found {source.dtype} [{string.Join(", ", source.shape)}]");
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var contiguous = source.contiguous();
        var data = empty([rows, columns], dtype: ScalarType.Int8);
        var scales = empty([rows, columns / 32], dtype: ScalarType.Float16);
        var type = source.dtype == ScalarType.Float32 ? KernelType.Float32 : KernelType.BFloat16;
        KernelMethods.rk_quantize(Pointer(contiguous), (long)type, rows, columns, (sbyte*)Pointer(data), (ushort*)Pointer(scales));
        GC.KeepAlive(contiguous);
        return (data.MoveToOuterDisposeScope(), scales.MoveToOuterDisposeScope());
    }

    /// <summary>
    /// The first byte of a contiguous CPU tensor; null for null. The memory is valid while the tensor is: keep it alive over the call.
    /// </summary>
    public static void* Pointer(Tensor? tensor)
    {
        if (tensor is null)
        {
            return null;
        }

        if (tensor.numel() * tensor.element_size() <= int.MaxValue)
        {
            return Unsafe.AsPointer(ref MemoryMarshal.GetReference(tensor.bytes));
        }

        // A span cannot be longer: the first number stands for all.
        using var flat = tensor.view(-1);
        using var first = flat.narrow(0, 0, 1);
        return Unsafe.AsPointer(ref MemoryMarshal.GetReference(first.bytes));
    }

    internal static float* Floats(Tensor? tensor) => (float*)Pointer(tensor);

    internal static void Check(int code)
    {
        if (code != 0)
        {
            throw new InvalidOperationException("the kernels do not run on this processor");
        }
    }

    private static void Require()
    {
        if (!IsAvailable)
        {
            throw new InvalidOperationException($"there are no CPU kernels: {KernelLibrary.Problem ?? "the processor has no AVX2"}");
        }
    }
}
