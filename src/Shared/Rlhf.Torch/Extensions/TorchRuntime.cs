using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using TorchSharp.Native;

namespace Rlhf.Torch.Extensions;

/// <summary>
/// Loads libtorch with the settings that make it fast on a CPU, and tells how it stands. Every first use of a tensor does this by
/// itself; a program calls <see cref="Initialize"/> only to fail early, with a clear message.
/// </summary>
public static unsafe partial class TorchRuntime
{
    /// <summary>Set to 1 to run on a BLAS that is not OpenBLAS (slow).</summary>
    public const string AllowAnyBlasVariable = "RLHF_ALLOW_ANY_BLAS";

    /// <summary>The path of librlhftorch.so, where it does not lie next to the assembly.</summary>
    public const string ShimVariable = "RLHF_TORCH_SHIM";

    internal const string Advice =
        "libtorch was not found, or the library that binds it could not be loaded. Run ./rlhf up, which installs libtorch and builds " +
        "librlhftorch.so, or set RLHF_LIBTORCH=/path/to/libtorch and build again.";

    private const string FileName = "librlhftorch.so";

    private static readonly Lock gate = new();
    private static nint library;
    private static long liveTensors;

    /// <summary>Tensors that hold native memory now: made by this process and neither disposed nor finalized.</summary>
    public static long LiveTensors => Interlocked.Read(ref liveTensors);

    /// <summary>The version of libtorch the binding was compiled for, "1.13.1" for example.</summary>
    public static string Version => Marshal.PtrToStringUTF8(NativeMethods.rt_torch_version()) ?? "";

    /// <summary>The file the BLAS routines come from; empty where it cannot be told.</summary>
    public static string BlasPath => Marshal.PtrToStringUTF8(NativeMethods.rt_blas_path()) ?? "";

    /// <summary>Threads one operator may use.</summary>
    public static int NumThreads
    {
        get => NativeMethods.rt_get_num_threads();
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            Aten.Check(NativeMethods.rt_set_num_threads(value));
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

    /// <summary>Loads libtorch if that has not been done yet.</summary>
    /// <exception cref="TorchUnavailableException">It cannot be loaded; the message says what to do.</exception>
    public static void Initialize() => Load();

    /// <summary>Gives memory that the C allocator keeps for reuse back to the system, as after a run.</summary>
    public static void TrimMemory() => NativeMethods.rt_malloc_trim();

    internal static void CountTensor(int change) => Interlocked.Add(ref liveTensors, change);

    internal static nint Load()
    {
        if (library != 0)
        {
            return library;
        }

        lock (gate)
        {
            if (library == 0)
            {
                library = LoadFrom(Candidates(AppContext.BaseDirectory, Environment.GetEnvironmentVariable(ShimVariable)));
            }

            return library;
        }
    }

    /// <summary>Where the binding may lie: what the variable names, then next to the program, then next to this assembly.</summary>
    internal static IReadOnlyList<string> Candidates(string baseDirectory, string? fromVariable)
    {
        List<string> paths = [];
        var besideAssembly = Path.GetDirectoryName(typeof(TorchRuntime).Assembly.Location);
        if (!string.IsNullOrEmpty(besideAssembly))
        {
            paths.Add(Path.Combine(besideAssembly, FileName));
        }

        paths.Add(Path.Combine(baseDirectory, FileName));
        if (!string.IsNullOrEmpty(fromVariable))
        {
            paths.Add(fromVariable);
        }

        return [.. paths.Distinct()];
    }

    internal static nint LoadFrom(IReadOnlyList<string> candidates)
    {
        var path = candidates.FirstOrDefault(File.Exists)
            ?? throw new TorchUnavailableException($"{Advice} Looked for {string.Join(", ", candidates)}.");

        // libgomp reads this when it is loaded, from libc's environment, which Environment.SetEnvironmentVariable does not change.
        // Its default, spinning, takes the processors away from OpenBLAS's own threads.
        _ = setenv("OMP_WAIT_POLICY", "passive", 0);
        if (OpenBlasCore(Avx512F.IsSupported && Avx512BW.IsSupported && Avx512DQ.IsSupported && Avx512F.VL.IsSupported, Avx2.IsSupported && Fma.IsSupported) is { } core)
        {
            _ = setenv("OPENBLAS_CORETYPE", core, 0);
        }

        nint handle;
        try
        {
            handle = NativeLibrary.Load(path);
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
        {
            throw new TorchUnavailableException($"{Advice} {path}: {error.Message}", error);
        }

        Start(handle, path);
        return handle;
    }

    /// <summary>
    /// The OpenBLAS kernels for this processor, or null to leave the choice to OpenBLAS. It chooses by a table of model numbers, and a
    /// processor younger than the library gets its SSE3 kernels: a training step was five times slower on one.
    /// </summary>
    internal static string? OpenBlasCore(bool hasAvx512, bool hasAvx2) => hasAvx512 ? "SkylakeX" : hasAvx2 ? "Haswell" : null;

    /// <summary>The message for a BLAS that is not OpenBLAS, or null when it is one or cannot be told.</summary>
    internal static string? BlasProblem(string path, Func<string, string> resolve)
    {
        if (path.Length == 0)
        {
            return null;
        }

        var file = resolve(path);
        string[] fast = ["openblas", "mkl", "torch", "blis", "accelerate"];
        return fast.Any(name => file.Contains(name, StringComparison.OrdinalIgnoreCase))
            ? null
            : $"libtorch uses the BLAS {file}, which is not OpenBLAS and many times slower. Install libopenblas0-pthread " +
              "(./rlhf up does) and select it: update-alternatives --config libblas.so.3-x86_64-linux-gnu. " +
              $"{AllowAnyBlasVariable}=1 goes on regardless.";
    }

    private static void Start(nint handle, string path)
    {
        var abi = (delegate* unmanaged<int>)NativeLibrary.GetExport(handle, "rt_abi_version");
        if (abi() != NativeMethods.AbiVersion)
        {
            throw new TorchUnavailableException(
                $"{path} is of another version of this program (interface {abi()}, wanted {NativeMethods.AbiVersion}). Build again.");
        }

        var blas = Marshal.PtrToStringUTF8(((delegate* unmanaged<nint>)NativeLibrary.GetExport(handle, "rt_blas_path"))()) ?? "";
        if (Environment.GetEnvironmentVariable(AllowAnyBlasVariable) != "1" && BlasProblem(blas, ResolveLinks) is { } problem)
        {
            throw new TorchUnavailableException(problem);
        }

        var initialize = (delegate* unmanaged<int, int, int>)NativeLibrary.GetExport(handle, "rt_initialize");
        if (initialize(Environment.ProcessorCount, 1) != 0)
        {
            throw new TorchUnavailableException($"{path}: libtorch could not be initialised.");
        }
    }

    private static string ResolveLinks(string path) => File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int setenv(string name, string value, int overwrite);
}
