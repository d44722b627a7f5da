namespace Rlhf.Training.Checkpointing;

/// <summary>A saved training state cannot be used: it is damaged, or it belongs to another run.</summary>
public sealed class TrainingStateException : Exception
{
    /// <summary>With a message that names the file or field.</summary>
    public TrainingStateException(string message)
        : base(message)
    {
    }

    /// <summary>With the cause.</summary>
    public TrainingStateException(string message, Exception inner)
        : base(message, inner)
    {
    }

    /// <summary>Without a message.</summary>
    public TrainingStateException()
    {
    }
}
