namespace Rlhf.Training.Storage;

/// <summary>There is no room for what is to be written. The message names the path and the numbers; nothing half-written is left behind.</summary>
public sealed class DiskFullException : IOException
{
    /// <summary>With a message that names the path, the bytes needed and those free.</summary>
    public DiskFullException(string message, Exception? inner = null)
        : base(message, inner) => HResult = StorageFaults.NoSpaceLeft;
}
