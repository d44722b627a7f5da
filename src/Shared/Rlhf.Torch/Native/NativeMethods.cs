using System.Runtime.InteropServices;

namespace TorchSharp.Native;

/// <summary>The functions of librlhftorch.so; native/rlhftorch.h says what each one does.</summary>
internal static unsafe partial class NativeMethods
{
    /// <summary>The name the loader is asked for; <see cref="Shim"/> finds the file.</summary>
    public const string Library = "rlhftorch";

    /// <summary>RT_ABI_VERSION of the header this class was written for.</summary>
    public const int AbiVersion = 4;

    static NativeMethods() => NativeLibrary.SetDllImportResolver(
        typeof(NativeMethods).Assembly, (name, _, _) => name == Library ? Shim.Load() : 0);

    public static string LastError() => Marshal.PtrToStringUTF8(rt_last_error()) ?? "unknown error";

    [LibraryImport(Library)]
    private static partial nint rt_last_error();

    [LibraryImport(Library)]
    public static partial nint rt_torch_version();

    [LibraryImport(Library)]
    public static partial nint rt_blas_path();

    [LibraryImport(Library)]
    public static partial void rt_free(void* memory);

    [LibraryImport(Library)]
    public static partial int rt_get_num_threads();

    [LibraryImport(Library)]
    public static partial int rt_set_num_threads(int threads);

    [LibraryImport(Library)]
    public static partial int rt_get_num_interop_threads();

    [LibraryImport(Library)]
    public static partial int rt_set_num_interop_threads(int threads);

    [LibraryImport(Library)]
    public static partial int rt_cuda_device_count();

    [LibraryImport(Library)]
    public static partial long rt_cached_bytes();

    [LibraryImport(Library)]
    public static partial void rt_release_cached();

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rt_op_find(string name, string overload, out nint op);

    [LibraryImport(Library)]
    public static partial int rt_call(nint op, Value* arguments, int argumentCount, Value* results, int resultCount);

    [LibraryImport(Library)]
    public static partial void rt_release(nint tensor);

    [LibraryImport(Library)]
    public static partial nint rt_retain(nint tensor);

    [LibraryImport(Library)]
    public static partial int rt_data_ptr(nint tensor, out nint data);

    // The functions below only read a field: they may run without leaving the collector's cooperative mode.
    [LibraryImport(Library), SuppressGCTransition]
    public static partial int rt_dim(nint tensor);

    [LibraryImport(Library), SuppressGCTransition]
    public static partial long rt_numel(nint tensor);

    [LibraryImport(Library), SuppressGCTransition]
    public static partial int rt_element_size(nint tensor);

    [LibraryImport(Library), SuppressGCTransition]
    public static partial int rt_dtype(nint tensor);

    [LibraryImport(Library), SuppressGCTransition]
    public static partial int rt_device(nint tensor, out int index);

    [LibraryImport(Library)]
    public static partial int rt_sizes(nint tensor, long* sizes);

    [LibraryImport(Library)]
    public static partial int rt_strides(nint tensor, long* strides);

    [LibraryImport(Library)]
    public static partial int rt_is_contiguous(nint tensor, out int contiguous);

    [LibraryImport(Library)]
    public static partial int rt_requires_grad(nint tensor);

    [LibraryImport(Library)]
    public static partial int rt_set_requires_grad(nint tensor, int on);

    [LibraryImport(Library)]
    public static partial int rt_grad(nint tensor, out nint grad);

    [LibraryImport(Library)]
    public static partial int rt_set_grad(nint tensor, nint grad);

    [LibraryImport(Library)]
    public static partial int rt_set_data(nint tensor, nint data);

    [LibraryImport(Library)]
    public static partial int rt_is_leaf(nint tensor);

    [LibraryImport(Library)]
    public static partial int rt_backward(nint* roots, int rootCount, nint* grads, int retainGraph, int createGraph, nint* inputs, int inputCount);

    [LibraryImport(Library)]
    public static partial int rt_autograd_grad(
        nint* outputs, int outputCount, nint* inputs, int inputCount, nint* gradOutputs, int retainGraph, int createGraph, int allowUnused, nint* results);

    [LibraryImport(Library)]
    public static partial void rt_function_callbacks(
        delegate* unmanaged<nint, nint*, int, nint*, int, int> backward, delegate* unmanaged<nint, void> release);

    [LibraryImport(Library)]
    public static partial int rt_function_apply(nint context, int materializeGrads, nint* tensors, int* counts, nint* results, out nint node);

    [LibraryImport(Library)]
    public static partial int rt_function_saved(nint node, nint* results);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial void rt_set_error(string message);

    [LibraryImport(Library), SuppressGCTransition]
    public static partial int rt_grad_enabled();

    [LibraryImport(Library), SuppressGCTransition]
    public static partial void rt_set_grad_enabled(int on);

    [LibraryImport(Library)]
    public static partial nint rt_inference_enter(int on);

    [LibraryImport(Library)]
    public static partial void rt_inference_leave(nint guard);

    [LibraryImport(Library)]
    public static partial int rt_is_inference_mode();

    [LibraryImport(Library)]
    public static partial int rt_manual_seed(long seed);

    [LibraryImport(Library)]
    public static partial int rt_generator_new(ulong seed, out nint generator);

    [LibraryImport(Library)]
    public static partial int rt_generator_default(out nint generator);

    [LibraryImport(Library)]
    public static partial void rt_generator_free(nint generator);

    [LibraryImport(Library)]
    public static partial int rt_generator_set_seed(nint generator, ulong seed);

    [LibraryImport(Library)]
    public static partial ulong rt_generator_seed(nint generator);

    [LibraryImport(Library)]
    public static partial int rt_generator_get_state(nint generator, out nint state);

    [LibraryImport(Library)]
    public static partial int rt_generator_set_state(nint generator, nint state);
}
