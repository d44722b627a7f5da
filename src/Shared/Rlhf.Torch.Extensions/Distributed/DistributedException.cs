namespace Rlhf.Torch.Extensions.Distributed;

/// <summary>A process group could not be formed, or a rank of it is gone; the message says which rank noticed and what to look at.</summary>
public sealed class DistributedException : Exception
{
    /// <summary>With a message.</summary>
    public DistributedException(string message)
        : base(message)
    {
    }

    /// <summary>With the cause.</summary>
    public DistributedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Without a message.</summary>
    public DistributedException()
    {
    }
}
