namespace Rlhf.Torch.Extensions;

/// <summary>
/// librlhfdistributed.so: libtorch's process groups (c10d over Gloo). A machine without g++, libtorch's headers or libgloo-dev has none
/// and trains in one process.
/// </summary>
public static class DistributedLibrary
{
    /// <summary>The path of librlhfdistributed.so where it does not lie next to the program; "none" runs without it.</summary>
    public const string PathVariable = "RLHF_DISTRIBUTED";

    /// <summary>The name that <c>LibraryImport</c> declarations in this assembly use.</summary>
    internal const string Name = "rlhfdistributed";

    /// <summary>What <c>rd_abi_version</c> must return; raised with every change of an exported function.</summary>
    internal const int AbiVersion = 1;

    /// <summary>Whether process groups can be made here. The answer does not change while the process runs.</summary>
    public static bool IsAvailable => Library.Load().Handle != 0;

    /// <summary>Why they cannot, or null.</summary>
    public static string? Problem => Library.Load().Problem;

    internal static NativeFile Library { get; } = new(
        Name, PathVariable, "rd_abi_version", AbiVersion, "g++, libtorch's headers or libgloo-dev was missing");
}
