using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Rlhf.Torch.Extensions.Tests;

public sealed class TorchRuntimeTests
{
    public TorchRuntimeTests() => TorchRuntime.Initialize();

    [Fact]
    public void Initialize_Twice_IsOneInitialisation()
    {
        TorchRuntime.Initialize();

        Assert.True(TorchRuntime.IsAvailable);
        Assert.Equal(Environment.ProcessorCount, TorchRuntime.NumThreads);
        Assert.Matches(@"^\d+\.\d+", TorchRuntime.Version);
        Assert.Equal(__version__, TorchRuntime.Version);
    }

    [Fact]
    public void BlasPath_OfTheSystemsLibtorch_IsOpenBlas()
    {
        Assert.SkipWhen(TorchRuntime.BlasPath.Length == 0, "the TorchSharp package does not tell");

        Assert.Contains("blas", TorchRuntime.BlasPath, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void NumThreads_Set_IsWhatTorchUses()
    {
        try
        {
            TorchRuntime.NumThreads = 1;
            Assert.Equal(1, get_num_threads());
            Assert.Throws<ArgumentOutOfRangeException>(() => TorchRuntime.NumThreads = 0);
        }
        finally
        {
            set_num_threads(Environment.ProcessorCount);
        }
    }

    [Fact]
    public void LiveTensors_CountsWhatIsNotDisposed()
    {
        var before = TorchRuntime.LiveTensors;
        using (NewDisposeScope())
        {
            var x = ones(2) + 1;
            Assert.Equal(before + 2, TorchRuntime.LiveTensors);
            x.Dispose();
            Assert.Equal(before + 1, TorchRuntime.LiveTensors);
        }

        Assert.Equal(before, TorchRuntime.LiveTensors);
    }

    [Fact]
    public void TrimMemory_AfterALargeTensor_GivesItsPagesBack()
    {
        // 256 MiB: freed, but kept for the next tensor.
        ones(64 << 20).Dispose();
        var before = Environment.WorkingSet;

        TorchRuntime.TrimMemory();

        Assert.InRange(Environment.WorkingSet, 0, Math.Max(before - (128L << 20), 256L << 20));
    }

    [Fact]
    public void WaitPolicy_OfOpenMp_ReachesTheCLibrary() =>
        // setenv changes libc's environment only; getenv reads it back.
        Assert.Equal("passive", Marshal.PtrToStringUTF8(getenv("OMP_WAIT_POLICY")));

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern nint getenv(string name);
}
