using System.Globalization;

namespace Rlhf.Hosting;

/// <summary>One process at a time works in a data directory: SQLite's migrations, the in-memory queues and the run leases of the embedded host rely on it.</summary>
public sealed class DataDirectoryLock : IDisposable
{
    private const string LockName = "rlhf.lock";
    private const string OwnerName = "rlhf.pid";
    private readonly FileStream _file;
    private readonly string _ownerPath;

    private DataDirectoryLock(FileStream file, string ownerPath)
    {
        _file = file;
        _ownerPath = ownerPath;
    }

    /// <summary>Locks a data directory until the result is disposed or the process ends, in whatever way.</summary>
    /// <param name="path">The data directory; made where it is missing.</param>
    /// <exception cref="DataDirectoryInUseException">Another process (or this one, already) holds it.</exception>
    public static DataDirectoryLock Acquire(string path)
    {
        var directory = Path.GetFullPath(path);
        Directory.CreateDirectory(directory);

        // The owner's number stands in a second file, because a locked one cannot be read everywhere.
        var ownerPath = Path.Combine(directory, OwnerName);
        FileStream file;
        try
        {
            file = new FileStream(Path.Combine(directory, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception) when (exception is not (DirectoryNotFoundException or PathTooLongException))
        {
            throw new DataDirectoryInUseException(directory, ReadOwner(ownerPath), exception);
        }

        File.WriteAllText(ownerPath, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        return new DataDirectoryLock(file, ownerPath);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        File.Delete(_ownerPath);
        _file.Dispose();
    }

    private static int? ReadOwner(string path) =>
        File.Exists(path) && int.TryParse(File.ReadAllText(path), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : null;
}
