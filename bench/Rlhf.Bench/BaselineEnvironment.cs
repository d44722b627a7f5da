using Rlhf.Torch.Extensions;

namespace Rlhf.Bench;

/// <summary>The environment a baseline runs in.</summary>
/// <param name="Name">As in the tables.</param>
/// <param name="Variables">What is set besides the caller's environment.</param>
public sealed record BaselineEnvironment(string Name, IReadOnlyDictionary<string, string> Variables)
{
    /// <summary>As a user runs PyTorch who has set the number of threads.</summary>
    public static BaselineEnvironment Plain { get; } = new("", new Dictionary<string, string>());

    /// <summary>With the settings that our binding makes for itself: OpenMP threads that sleep, and an allocator that keeps memory.</summary>
    public static BaselineEnvironment Tuned { get; } = new(", tuned", new Dictionary<string, string>
    {
        ["OMP_WAIT_POLICY"] = "passive",
        ["MALLOC_MMAP_THRESHOLD_"] = "1073741824",
        ["MALLOC_TRIM_THRESHOLD_"] = "2147483647",
    });

    /// <summary>
    /// All variables of a Python child: a thread per processor, and the OpenBLAS core type that our binding has chosen. Debian's OpenBLAS
    /// does not know every new processor and then uses slow kernels, which would say nothing about PyTorch.
    /// </summary>
    public IReadOnlyDictionary<string, string> ForPython()
    {
        TorchRuntime.Initialize();
        var all = new Dictionary<string, string>(Variables) { ["BENCH_THREADS"] = $"{Environment.ProcessorCount}" };
        if (Machine.LibcVariable("OPENBLAS_CORETYPE") is { } core)
        {
            all["OPENBLAS_CORETYPE"] = core;
        }

        return all;
    }
}
