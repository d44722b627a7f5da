using System.Globalization;
using Rlhf.Torch.Extensions;

namespace Rlhf.Bench;

/// <summary>The most memory that this process has held, of Linux; NaN elsewhere.</summary>
public static class PeakMemory
{
    /// <summary>Gives kept memory back and begins to count anew (proc(5), clear_refs).</summary>
    public static void Reset()
    {
        if (OperatingSystem.IsLinux())
        {
            TorchRuntime.TrimMemory();
            File.WriteAllText("/proc/self/clear_refs", "5");
        }
    }

    /// <summary>Since <see cref="Reset"/>, MiB.</summary>
    public static double Mebibytes() => !OperatingSystem.IsLinux()
        ? double.NaN
        : double.Parse(
            File.ReadLines("/proc/self/status").Single(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
            CultureInfo.InvariantCulture) / 1024;
}
