using Microsoft.Extensions.Options;
using Rlhf.Hosting;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Training.Storage;

namespace Rlhf.Training.Publishing;

/// <summary>
/// The folder where published checkpoints live, one Hugging Face model directory each, named by its content hash: what is published
/// never changes, publishing twice is harmless, and loading verifies the name against the bytes. A checkpoint is there whole or not at all: it is
/// written beside, made durable, and renamed.
/// </summary>
public sealed class CheckpointStore(IOptions<StorageOptions> options)
{
    /// <summary>
    /// Files younger than this are nobody's to remove: a checkpoint whose row is not committed yet, or one that is being written. Longer than any publication takes.
    /// </summary>
    internal static readonly TimeSpan Grace = TimeSpan.FromDays(1);

    private const string StagingPrefix = ".staging-";
    private const string TrashPrefix = ".trash-";

    private readonly string _root = options.Value.CheckpointPath;
    private readonly VerifiedFiles _verified = new();

    /// <summary>Writes a checkpoint and moves it into the store. Where that fails, nothing is left of it.</summary>
    /// <param name="write">Writes a complete model directory to the path it is given, which does not exist yet.</param>
    /// <param name="estimatedBytes">About how much it will write, in bytes; 0 where nobody knows.</param>
    /// <exception cref="DiskFullException">There is no room for it.</exception>
    public PublishedDirectory Publish(Action<string> write, long estimatedBytes = 0)
    {
        ArgumentNullException.ThrowIfNull(write);
        Directory.CreateDirectory(_root);
        DiskSpace.Require(_root, estimatedBytes, options.Value.MinimumFreeBytes, "the checkpoint");
        var staging = Path.Combine(_root, $"{StagingPrefix}{Guid.NewGuid():N}");
        try
        {
            PublishedDirectory? published = null;
            DiskSpace.Write(_root, estimatedBytes, "the checkpoint", () =>
            {
                write(staging);
                published = MoveIn(staging);
            });
            return published!;
        }
        finally
        {
            if (Directory.Exists(staging))
            {
                Directory.Delete(staging, recursive: true);
            }
        }
    }

    /// <summary>Copies a model directory from outside (the shipped base model) into the store.</summary>
    public PublishedDirectory Import(string directory) => Publish(
        staging =>
        {
            foreach (var file in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories))
            {
                var target = Path.Combine(staging, Path.GetRelativePath(directory, file));
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(file, target);
            }
        },
        Size(directory));

    /// <summary>The full path of a published checkpoint, after comparing its bytes with the recorded hash, unless this process did and no file has changed since.</summary>
    /// <param name="path">Relative to the store.</param>
    /// <param name="contentHash">As published.</param>
    /// <param name="full">Reads all bytes in any case: finds also what a disk has changed by itself.</param>
    /// <exception cref="CheckpointException">If it is missing or its content is not what was published; names the files.</exception>
    public string Verify(string path, string contentHash, bool full = false)
    {
        var directory = Path.Combine(_root, path);
        if (!Directory.Exists(directory))
        {
            throw new CheckpointException(
                $"checkpoint {path} is missing from {_root}: the retention has removed it, or it was lost. Restore it from a backup, or roll the project back to another checkpoint.");
        }

        if (!full && _verified.Contains(directory, contentHash))
        {
            return directory;
        }

        SortedDictionary<string, string> found = new(StringComparer.Ordinal);
        var intact = _verified.Verify(directory, contentHash, () => CheckpointHash.Combine(found = CheckpointHash.ComputeFiles(directory)));
        return intact
            ? directory
            : throw new CheckpointException(
                $"checkpoint {directory} is corrupt: {string.Join(", ", CheckpointManifest.Compare(directory, found).DefaultIfEmpty("there is no list of its files"))}. "
                + $"Its content hash is {CheckpointHash.Combine(found)}, published was {contentHash}. Restore it from a backup.");
    }

    /// <summary>
    /// Removes a checkpoint's files: first its name, in one step, then what is under it. Does nothing when it is gone already, or when somebody
    /// published the same content within <see cref="Grace"/>, whose row may not be committed yet.
    /// </summary>
    /// <returns>Whether it was removed.</returns>
    internal bool Remove(string path, DateTimeOffset now)
    {
        var directory = Path.Combine(_root, path);
        if (!Directory.Exists(directory) || IsYoung(directory, now))
        {
            return false;
        }

        var trash = Path.Combine(_root, $"{TrashPrefix}{Guid.NewGuid():N}");
        try
        {
            Directory.Move(directory, trash);
        }
        catch (DirectoryNotFoundException)
        {
            // Another process removes it.
            return false;
        }

        if (IsYoung(trash, now))
        {
            // Published again between the look and the rename.
            Directory.Move(trash, directory);
            return false;
        }

        File.Delete(CheckpointManifest.PathOf(directory));
        Delete(new DirectoryInfo(trash));
        return true;
    }

    /// <summary>Removes what processes that died while they published or removed have left for longer than <see cref="Grace"/>: every name with a leading dot.</summary>
    internal void RemoveLeftovers(DateTimeOffset now)
    {
        if (!Directory.Exists(_root))
        {
            return;
        }

        foreach (var entry in new DirectoryInfo(_root).EnumerateFileSystemInfos(".*").Where(e => now - e.LastWriteTimeUtc >= Grace).ToList())
        {
            if (entry is DirectoryInfo directory)
            {
                Delete(directory);
            }
            else
            {
                entry.Delete();
            }
        }
    }

    private PublishedDirectory MoveIn(string staging)
    {
        var files = CheckpointHash.ComputeFiles(staging);
        var hash = CheckpointHash.Combine(files);
        var published = new PublishedDirectory(hash[..32], hash, Size(staging));
        var target = Path.Combine(_root, published.Path);
        if (TryTouch(target))
        {
            return published;
        }

        FileSystemCalls.FlushTree(staging);
        WriteManifest(target, files);
        try
        {
            Directory.Move(staging, target);
        }
        catch (IOException) when (TryTouch(target))
        {
            // Another process has published the same in the meantime.
        }

        FileSystemCalls.FlushDirectory(_root);
        return published;
    }

    private void WriteManifest(string target, SortedDictionary<string, string> files)
    {
        var beside = Path.Combine(_root, $".{Guid.NewGuid():N}.sha256.tmp");
        try
        {
            using (var writer = new StreamWriter(new FileStream(beside, FileMode.CreateNew, FileAccess.Write)))
            {
                writer.Write(CheckpointManifest.Write(files));
                writer.Flush();
                ((FileStream)writer.BaseStream).Flush(flushToDisk: true);
            }

            File.Move(beside, CheckpointManifest.PathOf(target), overwrite: true);
        }
        finally
        {
            File.Delete(beside);
        }
    }

    // Makes an existing directory young, so that the retention leaves it alone until the row of who publishes it again is there.
    private static bool TryTouch(string directory)
    {
        try
        {
            Directory.SetLastWriteTimeUtc(directory, DateTime.UtcNow);
            return true;
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
    }

    private static void Delete(DirectoryInfo directory)
    {
        try
        {
            directory.Delete(recursive: true);
        }
        catch (Exception exception) when (exception is DirectoryNotFoundException or FileNotFoundException)
        {
            // Another process removes it, too. What it has not come to yet, it or the next pass will.
        }
    }

    private static bool IsYoung(string directory, DateTimeOffset now) => now - Directory.GetLastWriteTimeUtc(directory) < Grace;

    private static long Size(string directory) => new DirectoryInfo(directory).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);
}
