namespace Rlhf.Hosting.Tests;

public sealed class DataDirectoryLockTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("rlhf-lock-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Acquire_WhileItIsHeld_NamesTheDirectoryAndTheProcess()
    {
        using var held = DataDirectoryLock.Acquire(_directory);

        var exception = Assert.Throws<DataDirectoryInUseException>(() => DataDirectoryLock.Acquire(_directory));

        Assert.Equal(Environment.ProcessId, exception.OwnerProcessId);
        Assert.Contains(_directory, exception.Message, StringComparison.Ordinal);
        Assert.Contains($"process {Environment.ProcessId}", exception.Message, StringComparison.Ordinal);
        Assert.Contains("Storage:DataDirectory", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Acquire_AfterItsRelease_Succeeds()
    {
        DataDirectoryLock.Acquire(_directory).Dispose();

        DataDirectoryLock.Acquire(_directory).Dispose();
    }

    [Fact]
    public void Acquire_AfterAProcessThatDied_Succeeds()
    {
        // The files stay behind; the lock of the operating system does not.
        File.WriteAllText(Path.Combine(_directory, "rlhf.lock"), "");
        File.WriteAllText(Path.Combine(_directory, "rlhf.pid"), "999999");

        DataDirectoryLock.Acquire(_directory).Dispose();
    }

    [Fact]
    public void Acquire_MissingDirectory_MakesIt()
    {
        var missing = Path.Combine(_directory, "a", "b");

        using var held = DataDirectoryLock.Acquire(missing);

        Assert.True(Directory.Exists(missing));
    }
}
