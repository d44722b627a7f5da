using System.Runtime.InteropServices;

namespace Rlhf.Torch.Extensions;

/// <summary>
/// librlhfkernels.so: CPU kernels of this project's own, which know nothing of libtorch and take raw pointers. A machine without a
/// compiler has none; callers then take the way over libtorch's operators.
/// </summary>
public static unsafe class KernelLibrary
{
    /// <summary>The path of librlhfkernels.so where it does not lie next to the program; "none" runs without it.</summary>
    public const string PathVariable = "RLHF_KERNELS";

    /// <summary>The name that <c>LibraryImport</c> declarations in this assembly use.</summary>
    internal const string Name = "rlhfkernels";

    /// <summary>What <c>rk_abi_version</c> must return; raised with every change of an exported function.</summary>
    internal const int AbiVersion = 4;

    private const string FileName = "librlhfkernels.so";

    private static readonly Lazy<(nint Handle, string? Problem)> library = new(
        () => TryLoad(Candidates(AppContext.BaseDirectory, Environment.GetEnvironmentVariable(PathVariable)), out var handle, out var problem)
            ? (handle, null)
            : (0, problem));

    static KernelLibrary() => NativeLibrary.SetDllImportResolver(
        typeof(KernelLibrary).Assembly, (name, _, _) => name == Name ? library.Value.Handle : 0);

    /// <summary>Whether the kernels can be called. Ask before every use; the answer does not change while the process runs.</summary>
    public static bool IsAvailable => library.Value.Handle != 0;

    /// <summary>Why they cannot be called, or null.</summary>
    public static string? Problem => library.Value.Problem;

    /// <summary>Where the library may lie: where the variable says, else next to this assembly, then next to the program.</summary>
    internal static IReadOnlyList<string> Candidates(string baseDirectory, string? fromVariable)
    {
        if (!string.IsNullOrEmpty(fromVariable))
        {
            return fromVariable == "none" ? [] : [fromVariable];
        }

        var besideAssembly = Path.GetDirectoryName(typeof(KernelLibrary).Assembly.Location);
        IEnumerable<string> directories = string.IsNullOrEmpty(besideAssembly) ? [baseDirectory] : [besideAssembly, baseDirectory];
        return [.. directories.Select(directory => Path.Combine(directory, FileName)).Distinct()];
    }

    /// <summary>Loads the first of the files that is there, if it is of this version.</summary>
    internal static bool TryLoad(IReadOnlyList<string> candidates, out nint handle, out string? problem)
    {
        handle = 0;
        var path = candidates.FirstOrDefault(File.Exists);
        if (path is null)
        {
            problem = candidates.Count == 0 ? $"{PathVariable}=none" : $"no {string.Join(", ", candidates)}: g++ was missing when the program was built";
            return false;
        }

        if (!NativeLibrary.TryLoad(path, out var loaded))
        {
            problem = $"{path} cannot be loaded on this machine";
            return false;
        }

        if (!NativeLibrary.TryGetExport(loaded, "rk_abi_version", out var version) || ((delegate* unmanaged<int>)version)() != AbiVersion)
        {
            problem = $"{path} is of another version of this program; build again";
            NativeLibrary.Free(loaded);
            return false;
        }

        handle = loaded;
        problem = null;
        return true;
    }
}
