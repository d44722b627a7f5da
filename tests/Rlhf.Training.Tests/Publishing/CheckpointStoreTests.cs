using Microsoft.Extensions.Options;
using Rlhf.Hosting;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Training.Publishing;

namespace Rlhf.Training.Tests.Publishing;

public sealed class CheckpointStoreTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("rlhf-store-").FullName;
    private readonly CheckpointStore _store;

    public CheckpointStoreTests() => _store = new CheckpointStore(Options.Create(new StorageOptions { DataDirectory = _root }));

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Publish_SameContentTwice_IsOneCheckpoint()
    {
        var first = _store.Publish(Staged("weights"));
        var second = _store.Publish(Staged("weights"));
        Assert.Equal(first, second);
        Assert.Single(Directory.GetDirectories(Path.Combine(_root, "checkpoints")));
    }

    [Fact]
    public void Publish_OtherContent_HasAnotherHash() =>
        Assert.NotEqual(_store.Publish(Staged("weights")).ContentHash, _store.Publish(Staged("other")).ContentHash);

    [Fact]
    public void Verify_ChangedByte_IsRefused()
    {
        var published = _store.Publish(Staged("weights"));
        var directory = _store.Verify(published.Path, published.ContentHash);
        File.WriteAllText(Path.Combine(directory, "model.safetensors"), "weightz");
        var exception = Assert.Throws<CheckpointException>(() => _store.Verify(published.Path, published.ContentHash));
        Assert.Contains("corrupt", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_Missing_SaysWhatToDo()
    {
        var exception = Assert.Throws<CheckpointException>(() => _store.Verify("nothing", "0"));
        Assert.Contains("restore it from a backup", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Import_CopiesSubfoldersAndLeavesTheSource()
    {
        var source = Staged("weights");
        Directory.CreateDirectory(Path.Combine(source, "sub"));
        File.WriteAllText(Path.Combine(source, "sub", "a.json"), "{}");
        var published = _store.Import(source);
        Assert.Equal(CheckpointHash.Compute(source), published.ContentHash);
        Assert.True(File.Exists(Path.Combine(_store.Verify(published.Path, published.ContentHash), "sub", "a.json")));
    }

    private string Staged(string weights)
    {
        var staging = _store.CreateStagingDirectory();
        Directory.CreateDirectory(staging);
        File.WriteAllText(Path.Combine(staging, "config.json"), "{}");
        File.WriteAllText(Path.Combine(staging, "model.safetensors"), weights);
        return staging;
    }
}
