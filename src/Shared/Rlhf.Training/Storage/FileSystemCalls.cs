using System.Buffers.Binary;
using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Rlhf.Training.Storage;

/// <summary>What .NET does not offer of the file system: making a directory's entries durable, and telling a file from another that took its name.</summary>
internal static partial class FileSystemCalls
{
    // linux/fcntl.h, linux/stat.h (struct statx: same layout on every architecture).
    private const int CurrentDirectory = -100;
    private const int OpenReadOnly = 0;
    private const uint BasicStats = 0x7ff;
    private const int StatSize = 256;
    private const int InodeOffset = 32;
    private const int ChangeSecondsOffset = 96;
    private const int ChangeNanosecondsOffset = 104;

    /// <summary>Waits until every file of a directory and the directories themselves are on the disk, as far as the system tells.</summary>
    public static void FlushTree(string directory)
    {
        foreach (var file in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories))
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.Read);
            stream.Flush(flushToDisk: true);
        }

        foreach (var inner in Directory.EnumerateDirectories(directory, "*", SearchOption.AllDirectories))
        {
            FlushDirectory(inner);
        }

        FlushDirectory(directory);
    }

    /// <summary>Waits until the names in a directory are on the disk; without this a rename may be lost with the power. Linux only; elsewhere nothing.</summary>
    public static void FlushDirectory(string directory)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        var descriptor = Open(directory, OpenReadOnly);
        if (descriptor < 0)
        {
            throw Failed("open", directory);
        }

        var result = Synchronize(descriptor);
        var exception = result < 0 ? Failed("fsync", directory) : null;
        _ = Close(descriptor);
        if (exception is not null)
        {
            throw exception;
        }
    }

    /// <summary>Inode number and time of the last change, which no program can set back; zeros where the system does not tell.</summary>
    public static (ulong Inode, long ChangeSeconds, uint ChangeNanoseconds) Identity(string file)
    {
        if (!OperatingSystem.IsLinux())
        {
            return default;
        }

        Span<byte> status = stackalloc byte[StatSize];
        if (Stat(CurrentDirectory, file, 0, BasicStats, ref status[0]) < 0)
        {
            throw Failed("statx", file);
        }

        return (
            BinaryPrimitives.ReadUInt64LittleEndian(status[InodeOffset..]),
            BinaryPrimitives.ReadInt64LittleEndian(status[ChangeSecondsOffset..]),
            BinaryPrimitives.ReadUInt32LittleEndian(status[ChangeNanosecondsOffset..]));
    }

    private static IOException Failed(string call, string path)
    {
        var error = Marshal.GetLastPInvokeError();
        return new IOException($"{call} of {path} failed: {new Win32Exception(error).Message}", error);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Synchronize(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Stat(int directory, string path, int flags, uint mask, ref byte status);
}
