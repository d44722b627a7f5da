namespace Trainer.Service.Tests.Algorithms;

/// <summary>A folder that goes with the test.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("rlhf-algorithms-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
