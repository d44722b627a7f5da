using System.Reflection;
using System.Runtime.InteropServices;

namespace Rlhf.Torch.Extensions;

/// <summary>A native library of this project's own that a machine may lack: where it lies, whether it can be used, and why not.</summary>
/// <param name="Name">The name that <c>LibraryImport</c> declarations in this assembly use; the file is libNAME.so.</param>
/// <param name="PathVariable">The variable that names its path where it does not lie next to the program; "none" runs without it.</param>
/// <param name="VersionExport">The function that returns the version of its interface.</param>
/// <param name="Version">What that must return.</param>
/// <param name="Missing">Why the build may not have made it.</param>
internal sealed unsafe record NativeFile(string Name, string PathVariable, string VersionExport, int Version, string Missing)
{
    private readonly Lock _gate = new();
    private (nint Handle, string? Problem)? _loaded;

    // One resolver serves an assembly, so it knows them all.
    static NativeFile() => NativeLibrary.SetDllImportResolver(Assembly.GetExecutingAssembly(), (name, _, _) =>
        name == KernelLibrary.Library.Name ? KernelLibrary.Library.Load().Handle
        : name == DistributedLibrary.Library.Name ? DistributedLibrary.Library.Load().Handle
        : 0);

    /// <summary>The library, loaded once; without one the handle is 0 and the problem says why.</summary>
    public (nint Handle, string? Problem) Load()
    {
        lock (_gate)
        {
            return _loaded ??= TryLoad(Candidates(AppContext.BaseDirectory, Environment.GetEnvironmentVariable(PathVariable)), out var handle, out var problem)
                ? (handle, null)
                : (0, problem);
        }
    }

    /// <summary>Where the library may lie: where the variable says, else next to this assembly, then next to the program.</summary>
    public IReadOnlyList<string> Candidates(string baseDirectory, string? fromVariable)
    {
        if (!string.IsNullOrEmpty(fromVariable))
        {
            return fromVariable == "none" ? [] : [fromVariable];
        }

        var besideAssembly = Path.GetDirectoryName(typeof(NativeFile).Assembly.Location);
        IEnumerable<string> directories = string.IsNullOrEmpty(besideAssembly) ? [baseDirectory] : [besideAssembly, baseDirectory];
        return [.. directories.Select(directory => Path.Combine(directory, $"lib{Name}.so")).Distinct()];
    }

    /// <summary>Loads the first of the files that is there, if it is of this version.</summary>
    public bool TryLoad(IReadOnlyList<string> candidates, out nint handle, out string? problem)
    {
        handle = 0;
        var path = candidates.FirstOrDefault(File.Exists);
        if (path is null)
        {
            problem = candidates.Count == 0 ? $"{PathVariable}=none" : $"no {string.Join(", ", candidates)}: {Missing} when the program was built";
            return false;
        }

        if (!NativeLibrary.TryLoad(path, out var loaded))
        {
            problem = $"{path} cannot be loaded on this machine";
            return false;
        }

        if (!NativeLibrary.TryGetExport(loaded, VersionExport, out var version) || ((delegate* unmanaged<int>)version)() != Version)
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
