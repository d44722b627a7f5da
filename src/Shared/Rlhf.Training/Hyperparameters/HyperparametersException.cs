namespace Rlhf.Training.Hyperparameters;

/// <summary>
/// Hyperparameters have faults; all of them are listed. A <see cref="FormatException"/>: a message that asks for a run with them is set aside at once, since
/// another delivery would find the same.
/// </summary>
public sealed class HyperparametersException : FormatException
{
    /// <summary>With all faults.</summary>
    public HyperparametersException(string name, IReadOnlyList<string> faults)
        : base($"{name} has {faults.Count} fault{(faults.Count == 1 ? "" : "s")}: {string.Join(" ", faults)}")
    {
        Faults = faults;
    }

    /// <summary>With a message only.</summary>
    public HyperparametersException(string message)
        : base(message)
    {
    }

    /// <summary>With a message and a cause.</summary>
    public HyperparametersException(string message, Exception inner)
        : base(message, inner)
    {
    }

    /// <summary>Without a message.</summary>
    public HyperparametersException()
    {
    }

    /// <summary>The faults, one sentence each.</summary>
    public IReadOnlyList<string> Faults { get; } = [];
}
