using System.Reflection;
using System.Runtime.Loader;

namespace Rlhf.Torch.Tests.Signatures;

/// <summary>
/// The facade offers members of TorchSharp 0.106.0 and nothing else. torchsharp-0.106.0.txt lists those we rely on, read from the
/// package's compiled assembly. To add one: write it in the facade, add its line, and run this class with RLHF_TORCHSHARP_DLL set to
/// the path of the real TorchSharp.dll.
/// </summary>
public sealed class SignatureTests
{
    private static readonly string[] expected = [.. File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Signatures", "torchsharp-0.106.0.txt")).Order(StringComparer.Ordinal)];

    [Fact]
    public void Facade_Offers_ExactlyTheListedMembers()
    {
        string[] offered = [.. PublicMembers.Of(typeof(TorchSharp.torch).Assembly, inherited: false).Order(StringComparer.Ordinal)];

        Assert.True(offered.SequenceEqual(expected), string.Join('\n',
        [
            .. offered.Except(expected).Select(line => $"offered, but not listed: {line}"),
            .. expected.Except(offered).Select(line => $"listed, but not offered: {line}"),
        ]));
    }

    [Fact]
    public void List_AgainstTorchSharpItself_Agrees()
    {
        var path = Environment.GetEnvironmentVariable("RLHF_TORCHSHARP_DLL");
        Assert.SkipUnless(File.Exists(path), "RLHF_TORCHSHARP_DLL does not name the real TorchSharp.dll");
        var context = new AssemblyLoadContext("TorchSharp");
        context.Resolving += (_, name) => LoadBeside(context, path, name);

        var real = PublicMembers.Of(context.LoadFromAssemblyPath(Path.GetFullPath(path)), inherited: true).ToHashSet(StringComparer.Ordinal);

        Assert.Equal([], expected.Except(real));
    }

    private static Assembly? LoadBeside(AssemblyLoadContext context, string path, AssemblyName name)
    {
        var file = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, name.Name + ".dll");
        return File.Exists(file) ? context.LoadFromAssemblyPath(file) : null;
    }
}
