namespace Rlhf.Training.Storage;

/// <summary>Which input and output errors may pass by themselves.</summary>
internal static class StorageFaults
{
    // errno.h of Linux; .NET hands through what it has no exception of its own for.
    internal const int NoSpaceLeft = 28;
    private const int InputOutput = 5;
    private const int TimedOut = 110;
    private const int HostDown = 112;
    private const int HostUnreachable = 113;
    private const int StaleHandle = 116;
    private const int RemoteInputOutput = 121;
    private const int QuotaExceeded = 122;

    // HRESULT_FROM_WIN32(ERROR_DISK_FULL).
    private const int WindowsDiskFull = unchecked((int)0x80070070);

    // Where .NET reserves a file's space beforehand (File.WriteAllText does), the error has no number of its own; its text is not translated.
    private const int Unspecific = unchecked((int)0x80131620);
    private const string ReservationFailed = "because the disk was full";

    /// <summary>The volume, or the user's share of it, is full.</summary>
    public static bool IsDiskFull(Exception exception) =>
        exception is IOException { HResult: NoSpaceLeft or QuotaExceeded or WindowsDiskFull }
        || (exception is IOException { HResult: Unspecific } && exception.Message.Contains(ReservationFailed, StringComparison.Ordinal));

    /// <summary>The volume is full, or it or the way to it is out of order. A file that is missing, damaged or forbidden stays so.</summary>
    public static bool IsTransient(Exception exception) =>
        IsDiskFull(exception)
        || exception is IOException { HResult: InputOutput or TimedOut or HostDown or HostUnreachable or StaleHandle or RemoteInputOutput };
}
