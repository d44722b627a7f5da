using TorchSharp.Native;
using static TorchSharp.torch;

namespace Rlhf.Torch.Tests;

public sealed class ShimTests
{
    [Fact]
    public void Load_WithoutTheShim_SaysWhatToDo()
    {
        var error = Assert.Throws<NotSupportedException>(() => Shim.LoadFrom(
            [.. Shim.Candidates("/nowhere", "/nowhere/else/librlhftorch.so").Where(path => path.StartsWith("/nowhere", StringComparison.Ordinal))]));

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
            var error = Assert.Throws<NotSupportedException>(() => Shim.LoadFrom([path]));

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
        Assert.Null(Shim.BlasProblem("/lib/libblas.so.3", _ => "/usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3"));
        Assert.Null(Shim.BlasProblem("", path => path));
        var problem = Shim.BlasProblem("/lib/libblas.so.3", _ => "/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0");
        Assert.Contains("libopenblas0-pthread", problem, StringComparison.Ordinal);
        Assert.Contains(Shim.AllowAnyBlasVariable, problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, true, "SkylakeX")]
    [InlineData(false, true, "Haswell")]
    [InlineData(false, false, null)]
    public void OpenBlasCore_OfAProcessor_UsesItsWidestKernels(bool hasAvx512, bool hasAvx2, string? core) =>
        Assert.Equal(core, ProcessSettings.OpenBlasCore(hasAvx512, hasAvx2));

    [Fact]
    public void Cuda_OfALibtorchForTheCpu_IsNotAvailable()
    {
        Assert.SkipWhen(cuda.device_count() > 0, "this machine has a GPU");

        Assert.False(cuda.is_available());
    }

    [Fact]
    public void Memory_OfALargeTensor_ServesTheNextOne()
    {
        Shim.ReleaseCached();
        nint first;
        using (var tensor = empty(1_000_001))
        {
            first = tensor.DataPointer();
        }

        // 4,000,004 bytes in steps of an eighth of their power of two, 2^21 / 8: 16 steps.
        Assert.Equal(16 << 18, Shim.CachedBytes);
        using (var tensor = empty(1_000_900))
        {
            Assert.Equal(first, tensor.DataPointer());
            Assert.Equal(0, Shim.CachedBytes);
        }

        Shim.ReleaseCached();
        Assert.Equal(0, Shim.CachedBytes);
    }

    [Fact]
    public void Memory_OfSmallAndEmptyTensors_IsNotKept()
    {
        Shim.ReleaseCached();

        empty(1000).Dispose();
        empty(0).Dispose();

        Assert.Equal(0, Shim.CachedBytes);
    }

    [Fact]
    public void Memory_BeyondWhatIsThere_IsAnError()
    {
        var error = Assert.Throws<System.Runtime.InteropServices.ExternalException>(() => empty(1L << 60));

        Assert.Contains("allocate", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_OfTensors_IsAligned()
    {
        using var scope = NewDisposeScope();

        Assert.All(new long[] { 1, 7, 1000, 100_000, 1_000_000 }, size => Assert.Equal(0, empty(size).DataPointer() % 64));
    }
}
