namespace Rlhf.Modeling.Checkpoints;

/// <summary>A checkpoint that cannot be used; the message names the file and what is wrong with it.</summary>
public sealed class CheckpointException : Exception
{
    /// <summary>A fault in a checkpoint.</summary>
    /// <param name="message">The file, the tensor or field, and what was expected.</param>
    /// <param name="innerException">The fault below, if any.</param>
    public CheckpointException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
