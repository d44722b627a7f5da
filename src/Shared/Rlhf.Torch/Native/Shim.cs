using System.Runtime.InteropServices;

namespace TorchSharp.Native;

/// <summary>
/// Finds and loads librlhftorch.so, and libtorch with it. Every first use of a tensor does this by itself. What stands in the way is a
/// <see cref="NotSupportedException"/>, as it is in TorchSharp; its message says what to do.
/// </summary>
internal static unsafe class Shim
{
    /// <summary>Set to 1 to run on a BLAS that is not OpenBLAS (slow).</summary>
    public const string AllowAnyBlasVariable = "RLHF_ALLOW_ANY_BLAS";

    /// <summary>The path of librlhftorch.so, where it does not lie next to the assembly.</summary>
    public const string PathVariable = "RLHF_TORCH_SHIM";

    private const string Advice =
        "libtorch was not found, or the library that binds it could not be loaded. Run ./rlhf up, which installs libtorch and builds " +
        "librlhftorch.so, or set RLHF_LIBTORCH=/path/to/libtorch and build again.";

    private const string FileName = "librlhftorch.so";

    private static readonly Lock gate = new();
    private static nint library;

    /// <summary>The file the BLAS routines come from; empty where it cannot be told.</summary>
    public static string BlasPath => Marshal.PtrToStringUTF8(NativeMethods.rt_blas_path()) ?? "";

    /// <summary>Bytes of freed tensors that are kept for the next ones.</summary>
    public static long CachedBytes => NativeMethods.rt_cached_bytes();

    /// <summary>Gives the memory of freed tensors to the C allocator.</summary>
    public static void ReleaseCached() => NativeMethods.rt_release_cached();

    /// <summary>Loads libtorch if that has not been done yet.</summary>
    /// <exception cref="NotSupportedException">It cannot be loaded.</exception>
    public static nint Load()
    {
        if (library != 0)
        {
            return library;
        }

        lock (gate)
        {
            if (library == 0)
            {
                library = LoadFrom(Candidates(AppContext.BaseDirectory, Environment.GetEnvironmentVariable(PathVariable)));
            }

            return library;
        }
    }

    /// <summary>Where the binding may lie: next to this assembly, next to the program, then what the variable names.</summary>
    internal static IReadOnlyList<string> Candidates(string baseDirectory, string? fromVariable)
    {
        List<string> paths = [];
        var besideAssembly = Path.GetDirectoryName(typeof(Shim).Assembly.Location);
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
            ?? throw new NotSupportedException($"{Advice} Looked for {string.Join(", ", candidates)}.");

        ProcessSettings.Apply();
        nint handle;
        try
        {
            handle = NativeLibrary.Load(path);
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
        {
            throw new NotSupportedException($"{Advice} {path}: {error.Message}", error);
        }

        Start(handle, path);
        return handle;
    }

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
            throw new NotSupportedException(
                $"{path} is of another version of this program (interface {abi()}, wanted {NativeMethods.AbiVersion}). Build again.");
        }

        var blas = Marshal.PtrToStringUTF8(((delegate* unmanaged<nint>)NativeLibrary.GetExport(handle, "rt_blas_path"))()) ?? "";
        if (Environment.GetEnvironmentVariable(AllowAnyBlasVariable) != "1" && BlasProblem(blas, ResolveLinks) is { } problem)
        {
            throw new NotSupportedException(problem);
        }

        var initialize = (delegate* unmanaged<int, int>)NativeLibrary.GetExport(handle, "rt_initialize");
        if (initialize(Environment.ProcessorCount) != 0)
        {
            throw new NotSupportedException($"{path}: libtorch could not be initialised.");
        }
    }

    private static string ResolveLinks(string path) => File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
}
