using System.Collections.Concurrent;
using Rlhf.Training.Storage;

namespace Rlhf.Training.Publishing;

/// <summary>
/// Remembers what a directory looked like when its bytes were last compared with its hash: names, lengths, times of modification and of change, inodes.
/// While that stays the same the bytes are not read again. A disk that changes bytes behind the system's back is only seen by a full comparison.
/// </summary>
internal sealed class VerifiedFiles
{
    private readonly ConcurrentDictionary<string, (string Hash, HashSet<FileState> Files)> _verified = new(StringComparer.Ordinal);

    /// <summary>Whether a directory still is what it was when it had this hash.</summary>
    public bool Contains(string directory, string hash) =>
        _verified.TryGetValue(directory, out var known) && known.Hash == hash && known.Files.SetEquals(Look(directory));

    /// <summary>Compares a directory's hash, computed now, with the wanted one and remembers it if they are equal.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="hash">The hash it must have.</param>
    /// <param name="compute">Reads the bytes.</param>
    public bool Verify(string directory, string hash, Func<string> compute)
    {
        // Looked at before the bytes are read: what changes while they are read looks different the next time.
        var files = Look(directory);
        if (compute() != hash)
        {
            _verified.TryRemove(directory, out _);
            return false;
        }

        _verified[directory] = (hash, files);
        return true;
    }

    private static HashSet<FileState> Look(string directory) =>
    [
        .. new DirectoryInfo(directory).EnumerateFiles("*", SearchOption.AllDirectories).Select(file =>
        {
            var (inode, seconds, nanoseconds) = FileSystemCalls.Identity(file.FullName);
            return new FileState(file.FullName, file.Length, file.LastWriteTimeUtc.Ticks, inode, seconds, nanoseconds);
        }),
    ];

    private readonly record struct FileState(string Path, long Length, long Modified, ulong Inode, long ChangeSeconds, uint ChangeNanoseconds);
}
