using Rlhf.Torch.Extensions;
using static TorchSharp.torch;

namespace Rlhf.Torch.Tests;

public sealed class TorchRuntimeTests
{
    [Fact]
    public void Initialize_Twice_IsOneInitialisation()
    {
        TorchRuntime.Initialize();
        TorchRuntime.Initialize();

        Assert.True(TorchRuntime.IsAvailable);
        Assert.Equal(Environment.ProcessorCount, TorchRuntime.NumThreads);
        Assert.Matches(@"^\d+\.\d+", TorchRuntime.Version);
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
    public void Cuda_OfALibtorchForTheCpu_IsNotAvailable()
    {
        Assert.SkipWhen(cuda.device_count() > 0, "this machine has a GPU");

        Assert.False(cuda.is_available());
    }

    [Fact]
    public void Load_WithoutTheShim_SaysWhatToDo()
    {
        var error = Assert.Throws<TorchUnavailableException>(
            () => TorchRuntime.LoadFrom(TorchRuntime.Candidates("/nowhere", "/nowhere/else/librlhftorch.so").Where(path => path.StartsWith("/nowhere", StringComparison.Ordinal)).ToList()));

        Assert.Contains("./rlhf up", error.Message, StringComparison.Ordinal);
        Assert.Contains("RLHF_LIBTORCH", error.Message, StringComparison.Ordinal);
        Assert.Contains("/nowhere/librlhftorch.so, /nowhere/else/librlhftorch.so", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_OfAFileThatIsNoLibrary_SaysWhichOne()
    {
        var path = Path.GetTempFileName();
        try
        {
            var error = Assert.Throws<TorchUnavailableException>(() => TorchRuntime.LoadFrom([path]));

            Assert.Contains(path, error.Message, StringComparison.Ordinal);
            Assert.Contains("./rlhf up", error.Message, StringComparison.Ordinal);
            Assert.NotNull(error.InnerException);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void BlasProblem_OfTheReferenceBlas_NamesOpenBlas()
    {
        Assert.Null(TorchRuntime.BlasProblem("/lib/libblas.so.3", _ => "/usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3"));
        Assert.Null(TorchRuntime.BlasProblem("", path => path));
        var problem = TorchRuntime.BlasProblem("/lib/libblas.so.3", _ => "/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0");
        Assert.Contains("libopenblas0-pthread", problem, StringComparison.Ordinal);
        Assert.Contains(TorchRuntime.AllowAnyBlasVariable, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void WaitPolicy_OfOpenMp_ReachesTheCLibrary()
    {
        TorchRuntime.Initialize();

        // setenv changes libc's environment only; getenv reads it back.
        Assert.Equal("passive", System.Runtime.InteropServices.Marshal.PtrToStringUTF8(getenv("OMP_WAIT_POLICY")));
    }

    [System.Runtime.InteropServices.DllImport("libc", CharSet = System.Runtime.InteropServices.CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern nint getenv(string name);

    [Theory]
    [InlineData(true, true, "SkylakeX")]
    [InlineData(false, true, "Haswell")]
    [InlineData(false, false, null)]
    public void OpenBlasCore_OfAProcessor_UsesItsWidestKernels(bool hasAvx512, bool hasAvx2, string? core) =>
        Assert.Equal(core, TorchRuntime.OpenBlasCore(hasAvx512, hasAvx2));
}
