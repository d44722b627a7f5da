using System.Runtime.InteropServices;

namespace Rlhf.Torch.Extensions.Kernels;

/// <summary>The functions of librlhfkernels.so; native/rlhfkernels.h says what each one does.</summary>
internal static unsafe partial class KernelMethods
{
    [LibraryImport(KernelLibrary.Name)]
    public static partial int rk_level();

    [LibraryImport(KernelLibrary.Name)]
    public static partial void rk_set_level(int level);

    [LibraryImport(KernelLibrary.Name)]
    public static partial int rk_fast_bf16();

    [LibraryImport(KernelLibrary.Name)]
    public static partial void rk_set_fast_bf16(int on);

    [LibraryImport(KernelLibrary.Name)]
    public static partial int rk_matrix_unit();

    [LibraryImport(KernelLibrary.Name)]
    public static partial void rk_set_threads(int threads);

    [LibraryImport(KernelLibrary.Name)]
    public static partial int rk_run(KernelOperator* operators, long count, KernelBatch* batch);

    [LibraryImport(KernelLibrary.Name)]
    public static partial void rk_quantize(void* source, long type, long rows, long columns, sbyte* data, ushort* scales);

    [LibraryImport(KernelLibrary.Name)]
    public static partial int rk_attention_forward(AttentionArguments* arguments);

    [LibraryImport(KernelLibrary.Name)]
    public static partial int rk_attention_backward(AttentionArguments* arguments);

    [LibraryImport(KernelLibrary.Name)]
    public static partial int rk_norm_forward(NormArguments* arguments);

    [LibraryImport(KernelLibrary.Name)]
    public static partial int rk_norm_backward(NormArguments* arguments);

    [LibraryImport(KernelLibrary.Name)]
    public static partial int rk_activate_forward(ActivateArguments* arguments);

    [LibraryImport(KernelLibrary.Name)]
    public static partial int rk_activate_backward(ActivateArguments* arguments);

    [LibraryImport(KernelLibrary.Name)]
    public static partial int rk_rotary_turn(RotaryArguments* arguments);

    [LibraryImport(KernelLibrary.Name)]
    public static partial int rk_logprob_forward(LogprobArguments* arguments);

    [LibraryImport(KernelLibrary.Name)]
    public static partial int rk_logprob_backward(LogprobArguments* arguments);

    [LibraryImport(KernelLibrary.Name)]
    public static partial int rk_adamw_step(AdamWArguments* arguments);

    [LibraryImport(KernelLibrary.Name)]
    public static partial double rk_sum_squares(float* x, long count);

    [LibraryImport(KernelLibrary.Name)]
    public static partial int rk_to_bf16(float* x, ushort* y, long count);

    [LibraryImport(KernelLibrary.Name)]
    public static partial int rk_from_bf16(ushort* x, float* bias, float* y, long rows, long width);
}
