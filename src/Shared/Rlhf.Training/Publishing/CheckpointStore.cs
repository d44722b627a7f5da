using Microsoft.Extensions.Options;
using Rlhf.Hosting;
using Rlhf.Modeling.Checkpoints;

namespace Rlhf.Training.Publishing;

/// <summary>
/// The folder where published checkpoints live, one Hugging Face model directory each, named by its content hash: what is published
/// never changes, publishing twice is harmless, and loading verifies the name against the bytes.
/// </summary>
public sealed class CheckpointStore(IOptions<StorageOptions> options)
{
    private readonly string _root = options.Value.CheckpointPath;

    /// <summary>A new folder beside the published ones, to write a checkpoint into before <see cref="Publish"/> moves it.</summary>
    public string CreateStagingDirectory()
    {
        var staging = Path.Combine(_root, $".staging-{Guid.NewGuid():N}");
        Directory.CreateDirectory(_root);
        return staging;
    }

    /// <summary>Moves a complete model directory into the store.</summary>
    /// <returns>Its path relative to the store, and its content hash.</returns>
    public PublishedDirectory Publish(string staging)
    {
        var hash = CheckpointHash.Compute(staging);
        var size = Directory.EnumerateFiles(staging, "*", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length);
        var path = hash[..32];
        var target = Path.Combine(_root, path);
        if (Directory.Exists(target))
        {
            Directory.Delete(staging, recursive: true);
        }
        else
        {
            Directory.Move(staging, target);
        }

        return new PublishedDirectory(path, hash, size);
    }

    /// <summary>Copies a model directory from outside (the shipped base model) into the store.</summary>
    public PublishedDirectory Import(string directory)
    {
        var staging = CreateStagingDirectory();
        foreach (var file in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(staging, Path.GetRelativePath(directory, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        return Publish(staging);
    }

    /// <summary>The full path of a published checkpoint, after comparing its bytes with the recorded hash.</summary>
    /// <exception cref="CheckpointException">If it is missing or its content is not what was published.</exception>
    public string Verify(string path, string contentHash)
    {
        var directory = Path.Combine(_root, path);
        if (!Directory.Exists(directory))
        {
            throw new CheckpointException($"checkpoint {path} is missing from {_root}: restore it from a backup, or roll the project back to another checkpoint.");
        }

        var found = CheckpointHash.Compute(directory);
        return found == contentHash
            ? directory
            : throw new CheckpointException($"checkpoint {directory} is corrupt: its content hash is {found}, published was {contentHash}. Restore it from a backup.");
    }
}

/// <summary>Where a checkpoint lies in the store and what its bytes hash to.</summary>
/// <param name="Path">Relative to the store.</param>
/// <param name="ContentHash">SHA-256 over the files, lower-case hexadecimal.</param>
/// <param name="SizeBytes">Bytes of the files.</param>
public sealed record PublishedDirectory(string Path, string ContentHash, long SizeBytes);
