namespace Rlhf.Torch.Extensions;

/// <summary>
/// librlhfkernels.so: CPU kernels of this project's own, which know nothing of libtorch and take raw pointers. A machine without a
/// compiler has none; callers then take the way over libtorch's operators.
/// </summary>
public static class KernelLibrary
{
    /// <summary>The path of librlhfkernels.so where it does not lie next to the program; "none" runs without it.</summary>
    public const string PathVariable = "RLHF_KERNELS";

    /// <summary>The name that <c>LibraryImport</c> declarations in this assembly use.</summary>
    internal const string Name = "rlhfkernels";

    /// <summary>What <c>rk_abi_version</c> must return; raised with every change of an exported function.</summary>
    internal const int AbiVersion = 6;

    /// <summary>Whether the kernels can be called. Ask before every use; the answer does not change while the process runs.</summary>
    public static bool IsAvailable => Library.Load().Handle != 0;

    /// <summary>Why they cannot be called, or null.</summary>
    public static string? Problem => Library.Load().Problem;

    internal static NativeFile Library { get; } = new(Name, PathVariable, "rk_abi_version", AbiVersion, "g++ was missing");
}
