using System.Runtime.InteropServices;
using TorchSharp.Native;
using static TorchSharp.torch;

namespace Rlhf.Torch.Extensions;

/// <summary>
/// Starts libtorch with the settings that make it fast on a CPU, and tells how it stands. It works over either binding: the one in
/// Rlhf.Torch, or the TorchSharp package.
/// </summary>
public static partial class TorchRuntime
{
    private static readonly Lock gate = new();
    private static bool initialized;

    /// <summary>Tensors that hold native memory now: made by this process and neither disposed nor finalized.</summary>
    public static long LiveTensors => Tensor.TotalCount;

    /// <summary>
    /// Whether <see cref="LiveTensors"/> counts every tensor once. TorchSharp goes on counting a tensor that a parameter was made of.
    /// </summary>
    public static bool LiveTensorsIsExact =>
#if TORCHSHARP_PACKAGE
        false;
#else
        true;
#endif

    /// <summary>The version of libtorch behind the binding, "1.13.1" for example.</summary>
    public static string Version => __version__;

    /// <summary>The file the BLAS routines come from; empty where it cannot be told, as it is with the package.</summary>
    public static string BlasPath =>
#if TORCHSHARP_PACKAGE
        "";
#else
        Shim.BlasPath;
#endif

    /// <summary>Threads one operator may use.</summary>
    public static int NumThreads
    {
        get => get_num_threads();
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            set_num_threads(value);
        }
    }

    /// <summary>Whether libtorch can be used here. Never throws.</summary>
    public static bool IsAvailable
    {
        get
        {
            try
            {
                Initialize();
                return true;
            }
            catch (TorchUnavailableException)
            {
                return false;
            }
        }
    }

    /// <summary>
    /// Loads libtorch if that has not been done yet. Whatever makes the first tensor of a program calls this before: the settings count
    /// only then, and a missing library is reported by a message that says what to do.
    /// </summary>
    /// <exception cref="TorchUnavailableException">It cannot be loaded; the message says what to do.</exception>
    public static void Initialize()
    {
        lock (gate)
        {
            if (!initialized)
            {
                Start();
                initialized = true;
            }
        }
    }

    /// <summary>Gives memory that is kept for the next tensors back to the system, as after a run.</summary>
    public static void TrimMemory()
    {
#if !TORCHSHARP_PACKAGE
        Shim.ReleaseCached();
#endif
        if (OperatingSystem.IsLinux())
        {
            _ = malloc_trim(0);
        }
    }

    private static void Start()
    {
        try
        {
#if TORCHSHARP_PACKAGE
            ProcessSettings.Apply();
            InitializeDeviceType(TorchSharp.DeviceType.CPU);
            set_num_threads(Environment.ProcessorCount);
#else
            Shim.Load();
#endif
        }
        catch (Exception error) when (Unavailable(error) is { } reason)
        {
            throw new TorchUnavailableException(reason.Message, error);
        }
    }

    // TorchSharp loads its native part in a type initializer, whose exception wraps the one that explains.
    private static Exception? Unavailable(Exception error) => error switch
    {
        NotSupportedException or DllNotFoundException or BadImageFormatException => error,
        TypeInitializationException { InnerException: { } inner } => Unavailable(inner),
        _ => null,
    };

    [LibraryImport("libc")]
    private static partial int malloc_trim(nint pad);
}
