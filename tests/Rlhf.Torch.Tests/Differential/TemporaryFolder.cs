namespace Rlhf.Torch.Tests.Differential;

/// <summary>A folder that is removed with what lies in it.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory();

    public string this[string file] => Path.Combine(directory.FullName, file);

    public void Dispose() => directory.Delete(recursive: true);
}
