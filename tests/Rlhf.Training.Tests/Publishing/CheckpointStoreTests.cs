using Microsoft.Extensions.Options;
using Rlhf.Hosting;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Training.Publishing;
using Rlhf.Training.Storage;
using Rlhf.Training.Tests.Storage;

namespace Rlhf.Training.Tests.Publishing;

public sealed class CheckpointStoreTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("rlhf-store-").FullName;
    private readonly CheckpointStore _store;

    public CheckpointStoreTests() => _store = Store(_root);

    private string Checkpoints => Path.Combine(_root, "checkpoints");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Publish_SameContentTwice_IsOneCheckpoint()
    {
        var first = Publish("weights");
        var second = Publish("weights");
        Assert.Equal(first, second);
        Assert.Single(Directory.GetDirectories(Checkpoints));

        // "{}" and "weights": 2 + 7 bytes.
        Assert.Equal(9, first.SizeBytes);
    }

    [Fact]
    public void Publish_OtherContent_HasAnotherHash() => Assert.NotEqual(Publish("weights").ContentHash, Publish("other").ContentHash);

    [Fact]
    public async Task Publish_ByManyAtOnce_IsOneCheckpointAndNothingElse()
    {
        var published = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => Store(_root).Publish(directory => Write(directory, "weights")))));

        var one = Assert.Single(published.Distinct());
        Assert.Equal([one.Path, $"{one.Path}.sha256"], Names());
        _store.Verify(one.Path, one.ContentHash, full: true);
    }

    [Fact]
    public void Publish_ThatFails_LeavesNothing()
    {
        Assert.Throws<InvalidOperationException>(() => _store.Publish(directory =>
        {
            Write(directory, "half");
            throw new InvalidOperationException();
        }));
        Assert.Empty(Names());
    }

    [Fact]
    public void Publish_OnAVolumeThatRunsFull_LeavesNothingAndNamesIt()
    {
        using var volume = SmallVolume.Mount(256 << 10);
        var store = new CheckpointStore(Options.Create(new StorageOptions { DataDirectory = volume.Path, MinimumFreeBytes = 0 }));
        var small = store.Publish(directory => Write(directory, "weights"));

        // It says it needs little, so that the disk itself refuses.
        var exception = Assert.Throws<DiskFullException>(() => store.Publish(directory => Write(directory, new string('x', 1 << 20))));

        var path = Path.Combine(volume.Path, "checkpoints");
        Assert.Contains($"There is no room for the checkpoint on the volume of {path}", exception.Message, StringComparison.Ordinal);
        Assert.Equal([small.Path, $"{small.Path}.sha256"], Directory.GetFileSystemEntries(path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        store.Verify(small.Path, small.ContentHash, full: true);
    }

    [Fact]
    public void Publish_MoreThanMayBeUsed_IsRefusedBeforeAnythingIsWritten()
    {
        var store = new CheckpointStore(Options.Create(new StorageOptions { DataDirectory = _root, MinimumFreeBytes = 1L << 50 }));
        Assert.Throws<DiskFullException>(() => store.Publish(_ => Assert.Fail("it was written"), 1));
    }

    [Fact]
    public void Manifest_OfACheckpoint_IsWhatSha256SumReads()
    {
        var published = Publish("weights");

        // printf '{}' | sha256sum; printf weights | sha256sum
        Assert.Equal(
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a  config.json\n"
            + "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c  model.safetensors\n",
            File.ReadAllText(Path.Combine(Checkpoints, $"{published.Path}.sha256")));
    }

    [Fact]
    public void Verify_DamagedCheckpoint_NamesTheFiles()
    {
        var published = Publish("weights");
        var directory = _store.Verify(published.Path, published.ContentHash);
        File.WriteAllText(Path.Combine(directory, "model.safetensors"), "weightz");
        File.Delete(Path.Combine(directory, "config.json"));
        File.WriteAllText(Path.Combine(directory, "more.json"), "{}");

        var exception = Assert.Throws<CheckpointException>(() => _store.Verify(published.Path, published.ContentHash));

        Assert.Contains("is corrupt: config.json is missing, model.safetensors has changed, more.json was added.", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_SameLengthAndTime_StillSeesAChange()
    {
        var published = Publish("weights");
        var file = Path.Combine(_store.Verify(published.Path, published.ContentHash), "model.safetensors");
        var written = File.GetLastWriteTimeUtc(file);
        File.WriteAllText(file, "weightz");
        File.SetLastWriteTimeUtc(file, written);

        Assert.Throws<CheckpointException>(() => _store.Verify(published.Path, published.ContentHash));
    }

    [Fact]
    public void Verify_Missing_SaysWhatToDo()
    {
        var exception = Assert.Throws<CheckpointException>(() => _store.Verify("nothing", "0"));
        Assert.Contains("Restore it from a backup", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void VerifiedFiles_UnchangedDirectory_IsReadOnce()
    {
        var directory = Path.Combine(_root, "files");
        Write(directory, "weights");
        var files = new VerifiedFiles();
        var read = 0;
        string Hash()
        {
            read++;
            return "hash";
        }

        Assert.False(files.Contains(directory, "hash"));
        Assert.True(files.Verify(directory, "hash", Hash));
        Assert.True(files.Contains(directory, "hash"));
        Assert.False(files.Contains(directory, "other"));

        // The same bytes in another file of that name.
        File.Copy(Path.Combine(directory, "config.json"), Path.Combine(_root, "copy"));
        File.Move(Path.Combine(_root, "copy"), Path.Combine(directory, "config.json"), overwrite: true);
        Assert.False(files.Contains(directory, "hash"));
        Assert.False(files.Verify(directory, "other", Hash));
        Assert.Equal(2, read);
    }

    [Fact]
    public void Import_CopiesSubfoldersAndLeavesTheSource()
    {
        var source = Path.Combine(_root, "source");
        Write(source, "weights");
        Directory.CreateDirectory(Path.Combine(source, "sub"));
        File.WriteAllText(Path.Combine(source, "sub", "a.json"), "{}");
        var published = _store.Import(source);
        Assert.Equal(CheckpointHash.Compute(source), published.ContentHash);
        Assert.True(File.Exists(Path.Combine(_store.Verify(published.Path, published.ContentHash), "sub", "a.json")));
    }

    [Fact]
    public void Remove_OldCheckpoint_GoesUnlessItWasPublishedAgain()
    {
        var published = Publish("weights");
        var directory = Path.Combine(Checkpoints, published.Path);
        Assert.False(_store.Remove(published.Path, DateTimeOffset.UtcNow));

        var twoDaysAgo = DateTime.UtcNow.AddDays(-2);
        Directory.SetLastWriteTimeUtc(directory, twoDaysAgo);
        Publish("weights");
        Assert.False(_store.Remove(published.Path, DateTimeOffset.UtcNow));

        Directory.SetLastWriteTimeUtc(directory, twoDaysAgo);
        Assert.True(_store.Remove(published.Path, DateTimeOffset.UtcNow));
        Assert.False(_store.Remove(published.Path, DateTimeOffset.UtcNow));
        Assert.Empty(Names());
    }

    [Fact]
    public void RemoveLeftovers_OfDeadProcesses_GoAfterADay()
    {
        var published = Publish("weights");
        foreach (var name in new[] { ".staging-old", ".trash-old", ".staging-young" })
        {
            Write(Path.Combine(Checkpoints, name), "half");
        }

        File.WriteAllText(Path.Combine(Checkpoints, ".old.sha256.tmp"), "");
        foreach (var old in new[] { ".staging-old", ".trash-old" })
        {
            Directory.SetLastWriteTimeUtc(Path.Combine(Checkpoints, old), DateTime.UtcNow.AddDays(-2));
        }

        File.SetLastWriteTimeUtc(Path.Combine(Checkpoints, ".old.sha256.tmp"), DateTime.UtcNow.AddDays(-2));
        Directory.SetLastWriteTimeUtc(Path.Combine(Checkpoints, published.Path), DateTime.UtcNow.AddDays(-2));

        _store.RemoveLeftovers(DateTimeOffset.UtcNow);

        Assert.Equal([".staging-young", published.Path, $"{published.Path}.sha256"], Names());
    }

    internal static CheckpointStore Store(string root) => new(Options.Create(new StorageOptions { DataDirectory = root, MinimumFreeBytes = 0 }));

    internal static void Write(string directory, string weights)
    {
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "config.json"), "{}");
        File.WriteAllText(Path.Combine(directory, "model.safetensors"), weights);
    }

    private PublishedDirectory Publish(string weights) => _store.Publish(directory => Write(directory, weights));

    private string[] Names() => [.. Directory.GetFileSystemEntries(Checkpoints).Select(p => Path.GetFileName(p)).Order(StringComparer.Ordinal)];
}
