using Rlhf.Torch.Extensions.Kernels;

namespace Rlhf.Torch.Extensions.Tests.Kernels;

public sealed class ProcessorTests : KernelTest
{
    [Fact]
    public void MultipliesBf16Faster_IsWhatTheSystemSaysOfTheProcessor()
    {
        Assert.SkipUnless(File.Exists("/proc/cpuinfo"), "no /proc/cpuinfo to compare with");
        var lines = File.ReadLines("/proc/cpuinfo").TakeWhile(line => line.Length > 0).Select(line => line.Split(':', 2, StringSplitOptions.TrimEntries)).ToDictionary(p => p[0], p => p[^1]);
        var flags = lines["flags"].Split(' ');
        var amd = lines["vendor_id"] == "AuthenticAMD" && flags.Contains("avx512_bf16") && flags.Contains("avx512_vnni");

        OnLevel(1, () => Assert.Equal(flags.Contains("amx_bf16"), CpuKernels.MultipliesBf16Faster));
        OnLevel(3, () => Assert.Equal(amd || flags.Contains("amx_bf16"), CpuKernels.MultipliesBf16Faster));
    }
}
