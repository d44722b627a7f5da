using System.Globalization;
using System.Runtime.InteropServices;
using Rlhf.Torch.Extensions;
using Rlhf.Torch.Extensions.Kernels;

namespace Rlhf.Bench;

/// <summary>What the bench runs on.</summary>
public static partial class Machine
{
    /// <summary>One line: processor, libraries, date.</summary>
    public static string Describe()
    {
        TorchRuntime.Initialize();
        var processor = File.Exists("/proc/cpuinfo")
            ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim()
            : null;
        var blas = Path.GetFileName(TorchRuntime.BlasPath);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Environment.ProcessorCount} × {processor ?? RuntimeInformation.ProcessArchitecture.ToString()}, libtorch {TorchRuntime.Version}, " +
            $"{(blas.Length > 0 ? blas : "its own BLAS")} with OPENBLAS_CORETYPE={LibcVariable("OPENBLAS_CORETYPE") ?? "unset"} (the baseline has the same), " +
            $"own kernels {(CpuKernels.IsAvailable ? "on" : "off")}, {DateTime.UtcNow:yyyy-MM-dd}");
    }

    /// <summary>A variable of libc's environment, which our binding writes to and .NET's copy does not show.</summary>
    public static string? LibcVariable(string name) => Marshal.PtrToStringUTF8(getenv(name));

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint getenv(string name);
}
