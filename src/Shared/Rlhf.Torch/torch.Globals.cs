using TorchSharp.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>The version of libtorch the binding was compiled for.</summary>
    public static string __version__ => System.Runtime.InteropServices.Marshal.PtrToStringUTF8(NativeMethods.rt_torch_version()) ?? "";

    /// <summary>Seeds libtorch's own generator and returns it.</summary>
    public static Generator manual_seed(long seed)
    {
        Aten.Check(NativeMethods.rt_manual_seed(seed));
        return Generator.Default;
    }

    /// <summary>Sets the number of threads one operator may use.</summary>
    public static void set_num_threads(int num) => Aten.Check(NativeMethods.rt_set_num_threads(num));

    /// <summary>The number of threads one operator may use.</summary>
    public static int get_num_threads() => NativeMethods.rt_get_num_threads();

    /// <summary>Sets the number of threads for independent operators; possible only before the first of them runs.</summary>
    public static void set_num_interop_threads(int num) => Aten.Check(NativeMethods.rt_set_num_interop_threads(num));

    /// <summary>The number of threads for independent operators.</summary>
    public static int get_num_interop_threads() => NativeMethods.rt_get_num_interop_threads();

    /// <summary>Until disposed, operators on this thread record nothing for gradients.</summary>
    public static IDisposable no_grad() => new GradMode(false);

    /// <summary>Until disposed, operators on this thread record gradients, or do not.</summary>
    public static IDisposable enable_grad(bool enabled = true) => new GradMode(enabled);

    /// <summary>Until disposed, operators on this thread record gradients, or do not.</summary>
    public static IDisposable set_grad_enabled(bool mode = true) => new GradMode(mode);

    /// <summary>Whether operators on this thread record gradients.</summary>
    public static bool is_grad_enabled() => NativeMethods.rt_grad_enabled() != 0;

    /// <summary>As <see cref="no_grad"/>, and faster: tensors made inside can never take part in gradients.</summary>
    public static IDisposable inference_mode(bool mode = true) => new InferenceMode(mode);

    /// <summary>Whether inference mode is on for this thread.</summary>
    public static bool is_inference_mode_enabled() => NativeMethods.rt_is_inference_mode() != 0;

    /// <summary>Opens a scope: tensors made on this thread from now on are disposed with it.</summary>
    public static DisposeScope NewDisposeScope() => DisposeScope.Open();

    /// <summary>The innermost open scope of this thread, or null.</summary>
    public static DisposeScope? CurrentDisposeScope => DisposeScope.Current;

    private sealed class GradMode : IDisposable
    {
        private readonly int previous;
        private bool disposed;

        public GradMode(bool enabled)
        {
            previous = NativeMethods.rt_grad_enabled();
            NativeMethods.rt_set_grad_enabled(enabled ? 1 : 0);
        }

        public void Dispose()
        {
            if (!disposed)
            {
                disposed = true;
                NativeMethods.rt_set_grad_enabled(previous);
            }
        }
    }

    private sealed class InferenceMode(bool mode) : IDisposable
    {
        private nint guard = NativeMethods.rt_inference_enter(mode ? 1 : 0);

        public void Dispose()
        {
            if (guard != 0)
            {
                NativeMethods.rt_inference_leave(guard);
                guard = 0;
            }
        }
    }
}
