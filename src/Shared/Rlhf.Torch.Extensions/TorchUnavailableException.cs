namespace Rlhf.Torch.Extensions;

/// <summary>libtorch, or the library between it and this program, cannot be used on this machine; the message says what to do.</summary>
public sealed class TorchUnavailableException : NotSupportedException
{
    /// <summary>An exception with the message.</summary>
    public TorchUnavailableException(string message)
        : base(message)
    {
    }

    /// <summary>An exception with the message and the loader's own error.</summary>
    public TorchUnavailableException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>An exception with a general message.</summary>
    public TorchUnavailableException()
        : this("libtorch cannot be used on this machine.")
    {
    }
}
