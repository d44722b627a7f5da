using System.Globalization;

namespace Rlhf.Training.Storage;

/// <summary>Room on the volume of a directory: looked at before something large is written, because a volume that runs full harms everything else on it.</summary>
internal static class DiskSpace
{
    /// <summary>Bytes this process may still write on the volume of an existing directory.</summary>
    public static long Free(string directory) => new DriveInfo(directory).AvailableFreeSpace;

    /// <summary>Refuses to begin what does not fit.</summary>
    /// <param name="directory">An existing directory on the volume.</param>
    /// <param name="bytes">What will be written, in bytes.</param>
    /// <param name="reserve">What has to stay free (<c>Storage:MinimumFreeBytes</c>), in bytes.</param>
    /// <param name="what">What will be written, for the message.</param>
    /// <exception cref="DiskFullException">It does not fit.</exception>
    public static void Require(string directory, long bytes, long reserve, string what)
    {
        var free = Free(directory);
        if (free - bytes < reserve)
        {
            throw Full(directory, bytes, free, reserve, what, inner: null);
        }
    }

    /// <summary>Does the writing; an error that means "full" is reported with path and numbers.</summary>
    /// <exception cref="DiskFullException">The volume ran full all the same.</exception>
    public static void Write(string directory, long bytes, string what, Action write)
    {
        try
        {
            write();
        }
        catch (IOException exception) when (exception is not DiskFullException && StorageFaults.IsDiskFull(exception))
        {
            throw Full(directory, bytes, Free(directory), reserve: 0, what, exception);
        }
    }

    private static DiskFullException Full(string directory, long bytes, long free, long reserve, string what, Exception? inner)
    {
        var kept = reserve > 0 ? string.Create(CultureInfo.InvariantCulture, $" and {reserve:N0} are kept free (Storage:MinimumFreeBytes)") : "";
        return new DiskFullException(
            string.Create(CultureInfo.InvariantCulture, $"There is no room for {what} on the volume of {directory}: {bytes:N0} bytes are needed, {free:N0} are free{kept}."),
            inner);
    }
}
