using Rlhf.Training.Runs;

namespace Rlhf.Training.Tests.Runs;

public sealed class RunStateDirectoryTests : IDisposable
{
    private readonly string _run = Directory.CreateTempSubdirectory("rlhf-state-").FullName;

    public void Dispose() => Directory.Delete(_run, recursive: true);

    [Fact]
    public void TakeOver_FirstClaim_IsEmpty() => Assert.Empty(Directory.GetFileSystemEntries(RunStateDirectory.TakeOver(_run, 1)));

    [Fact]
    public void TakeOver_LaterClaim_HasWhatTheNewestOneLeft()
    {
        Write(RunStateDirectory.TakeOver(_run, 1), "1");
        Write(RunStateDirectory.TakeOver(_run, 4), "4");

        var own = RunStateDirectory.TakeOver(_run, 9);

        Assert.Equal("4", Read(own));
        Assert.Equal([own], Directory.GetDirectories(_run));
    }

    [Fact]
    public void TakeOver_SameClaimAgain_KeepsItsState()
    {
        Write(RunStateDirectory.TakeOver(_run, 1), "1");
        Assert.Equal("1", Read(RunStateDirectory.TakeOver(_run, 1)));
    }

    [Fact]
    public void StaleWorker_ThatWritesAfterwards_IsNeverRead()
    {
        var stale = RunStateDirectory.TakeOver(_run, 1);
        Write(stale, "before");

        // It has a file open, in a directory it is about to rename, when its successor takes over.
        var partial = Directory.CreateDirectory(Path.Combine(stale, ".partial")).FullName;
        using (var open = new StreamWriter(Path.Combine(partial, "state")))
        {
            var successor = RunStateDirectory.TakeOver(_run, 2);
            open.Write("half");
            open.Flush();
            Assert.Throws<DirectoryNotFoundException>(() => Directory.Move(partial, Path.Combine(stale, "state-000000009")));
            Assert.Throws<DirectoryNotFoundException>(() => Write(stale, "late"));
            Assert.Equal("before", Read(successor));
        }

        // It makes its directory again, as a store that is about to save does.
        Directory.CreateDirectory(stale);
        Write(stale, "late");
        Assert.Equal("before", Read(Path.Combine(_run, "claim-2")));
        var third = RunStateDirectory.TakeOver(_run, 3);
        Assert.Equal("before", Read(third));
        Assert.Equal([third], Directory.GetDirectories(_run));
    }

    [Fact]
    public void TakeOver_ByAClaimThatIsItselfOutdated_LeavesItsSuccessorAlone()
    {
        var current = RunStateDirectory.TakeOver(_run, 5);
        Write(current, "5");

        Assert.Empty(Directory.GetFileSystemEntries(RunStateDirectory.TakeOver(_run, 3)));

        Assert.Equal("5", Read(current));
    }

    private static void Write(string directory, string text) => File.WriteAllText(Path.Combine(directory, "state"), text);

    private static string Read(string directory) => File.ReadAllText(Path.Combine(directory, "state"));
}
