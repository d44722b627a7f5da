using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace TorchSharp.Native;

/// <summary>Settings of this process that make libtorch fast on a CPU. Those of the environment count only before it is loaded.</summary>
internal static partial class ProcessSettings
{
    private const int TrimThreshold = -1; // M_TRIM_THRESHOLD of malloc.h
    private const int MmapThreshold = -3; // M_MMAP_THRESHOLD

    /// <summary>Sets what nobody has set yet.</summary>
    public static void Apply()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        // libgomp reads this when it is loaded, from libc's environment, which Environment.SetEnvironmentVariable does not change.
        // Its default, spinning, takes the processors away from OpenBLAS's own threads.
        _ = setenv("OMP_WAIT_POLICY", "passive", 0);
        if (OpenBlasCore(Avx512F.IsSupported && Avx512BW.IsSupported && Avx512DQ.IsSupported && Avx512F.VL.IsSupported, Avx2.IsSupported && Fma.IsSupported) is { } core)
        {
            _ = setenv("OPENBLAS_CORETYPE", core, 0);
        }

        // Large activations are otherwise mapped, faulted in and unmapped again at every step.
        _ = mallopt(MmapThreshold, 1 << 30);
        _ = mallopt(TrimThreshold, int.MaxValue);
    }

    /// <summary>
    /// The OpenBLAS kernels for this processor, or null to leave the choice to OpenBLAS. It chooses by a table of model numbers, and a
    /// processor younger than the library gets its SSE3 kernels: a training step was five times slower on one.
    /// </summary>
    internal static string? OpenBlasCore(bool hasAvx512, bool hasAvx2) => hasAvx512 ? "SkylakeX" : hasAvx2 ? "Haswell" : null;

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int setenv(string name, string value, int overwrite);

    [LibraryImport("libc")]
    private static partial int mallopt(int parameter, int value);
}
