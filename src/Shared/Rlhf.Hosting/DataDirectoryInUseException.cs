namespace Rlhf.Hosting;

/// <summary>Another process works in the data directory.</summary>
public sealed class DataDirectoryInUseException : IOException
{
    /// <summary>Names the directory and, where it is known, the process.</summary>
    public DataDirectoryInUseException(string directory, int? ownerProcessId, Exception inner)
        : base(
            $"The data directory {directory} is in use by {(ownerProcessId is { } id ? $"process {id}" : "another process")}. Stop that process, or choose another directory with Storage:DataDirectory.",
            inner)
    {
        OwnerProcessId = ownerProcessId;
    }

    /// <summary>The process that holds the directory, where it is known.</summary>
    public int? OwnerProcessId { get; }
}
