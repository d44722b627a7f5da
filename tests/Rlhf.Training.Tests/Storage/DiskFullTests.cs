using Rlhf.Training.Checkpointing;
using Rlhf.Training.Storage;
using static TorchSharp.torch;

namespace Rlhf.Training.Tests.Storage;

public sealed class DiskFullTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Write_OnAFullVolume_IsReportedWithPathAndNumbers(bool reserves)
    {
        using var volume = SmallVolume.Mount(256 << 10);
        var file = Path.Combine(volume.Path, "file");

        // Not looked at beforehand: the error of the system itself.
        var exception = Assert.Throws<DiskFullException>(() => DiskSpace.Write(volume.Path, 1 << 20, "the file", () =>
        {
            using var stream = new FileStream(file, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, PreallocationSize = reserves ? 1 << 20 : 0 });
            stream.Write(new byte[1 << 20]);
        }));

        Assert.StartsWith($"There is no room for the file on the volume of {volume.Path}: 1,048,576 bytes are needed, ", exception.Message, StringComparison.Ordinal);
        Assert.IsType<IOException>(exception.InnerException);
    }

    [Fact]
    public void Require_MoreThanThereIs_IsRefusedBeforeAnythingIsWritten()
    {
        var directory = Path.GetTempPath();
        DiskSpace.Require(directory, 1, reserve: 0, "x");
        var exception = Assert.Throws<DiskFullException>(() => DiskSpace.Require(directory, 1, reserve: long.MaxValue / 2, "the state"));
        Assert.Contains("4,611,686,018,427,387,903 are kept free (Storage:MinimumFreeBytes)", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Save_StateThatDoesNotFit_LeavesTheLastOneAndNothingElse()
    {
        using var volume = SmallVolume.Mount(512 << 10);
        var store = new TrainingStateStore(volume.Path);
        using var small = ones(10);
        using var large = ones(1 << 20);
        Save(store, 1, small);
        var before = Directory.GetFileSystemEntries(volume.Path, "*", SearchOption.AllDirectories).Order().ToArray();

        var exception = Assert.Throws<DiskFullException>(() => Save(store, 2, large));

        // 4 MiB of numbers and the document.
        Assert.Contains("the training state of step 2", exception.Message, StringComparison.Ordinal);
        Assert.Equal(before, Directory.GetFileSystemEntries(volume.Path, "*", SearchOption.AllDirectories).Order());
        using var last = store.LoadLatest("{}");
        Assert.Equal(1, last!.Step);
    }

    [Fact]
    public void Save_ThatFailsInTheMiddle_LeavesTheLastOneAndNothingElse()
    {
        var directory = Directory.CreateTempSubdirectory("rlhf-state-").FullName;
        try
        {
            var store = new TrainingStateStore(directory);
            using var small = ones(10);
            Save(store, 1, small);

            // The step's directory cannot be replaced: a file is in its place.
            File.WriteAllText(Path.Combine(directory, "state-000000002"), "");
            Assert.ThrowsAny<IOException>(() => Save(store, 2, small));

            Assert.Equal(["state-000000001", "state-000000002"], Directory.GetFileSystemEntries(directory).Select(Path.GetFileName).Order());
            using var last = store.LoadLatest("{}");
            Assert.Equal(1, last!.Step);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static void Save(TrainingStateStore store, int step, Tensor tensor)
    {
        using var state = new TrainingState(step, "{}");
        state.Add("x", tensor);
        store.Save(state);
    }
}
