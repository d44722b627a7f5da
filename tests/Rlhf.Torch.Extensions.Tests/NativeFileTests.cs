using System.Reflection;

namespace Rlhf.Torch.Extensions.Tests;

public sealed class NativeFileTests
{
    private static readonly NativeFile Kernels = KernelLibrary.Library;

    [Fact]
    public void Kernels_BuiltWithTheProgram_AreAvailable()
    {
        Assert.SkipUnless(File.Exists(Path.Combine(AppContext.BaseDirectory, "librlhfkernels.so")), "built without a C++ compiler");

        Assert.True(KernelLibrary.IsAvailable, KernelLibrary.Problem);
        Assert.Null(KernelLibrary.Problem);
    }

    [Fact]
    public void TryLoad_WithoutTheFile_SaysWhereItLooked()
    {
        Assert.False(Kernels.TryLoad(Kernels.Candidates("/nowhere", "/nowhere/x.so"), out _, out var problem));
        Assert.Contains("/nowhere/x.so", problem, StringComparison.Ordinal);

        Assert.False(Kernels.TryLoad(Kernels.Candidates("/nowhere", "none"), out _, out problem));
        Assert.Equal("RLHF_KERNELS=none", problem);
    }

    [Fact]
    public void TryLoad_OfAFileThatIsNoLibrary_SaysSo()
    {
        Assert.False(Kernels.TryLoad([Assembly.GetExecutingAssembly().Location], out _, out var problem));

        Assert.Contains("cannot be loaded", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void TryLoad_OfAnotherLibrary_SaysThatItIsOfAnotherVersion()
    {
        Assert.SkipUnless(File.Exists("/lib/x86_64-linux-gnu/libm.so.6"), "no libm of the usual name");

        Assert.False(Kernels.TryLoad(["/lib/x86_64-linux-gnu/libm.so.6"], out _, out var problem));

        Assert.Contains("another version", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Candidates_WithoutTheVariable_LieBesideTheAssemblyAndTheProgram()
    {
        var beside = Path.GetDirectoryName(typeof(KernelLibrary).Assembly.Location)!;

        Assert.Equal([Path.Combine(beside, "librlhfkernels.so"), "/program/librlhfkernels.so"], Kernels.Candidates("/program", null));
    }
}
