namespace Rlhf.Contracts.Training;

/// <summary>A run stopped on an error and waits to be resumed. Published by the service that executed it.</summary>
public sealed record RunFailed
{
    /// <summary>The run.</summary>
    public required Guid RunId { get; init; }

    /// <summary>The run's project.</summary>
    public required Guid ProjectId { get; init; }

    /// <summary>The cycle the run belongs to, if any.</summary>
    public Guid? CycleId { get; init; }

    /// <summary>One of <see cref="RunKinds"/>.</summary>
    public required string Kind { get; init; }

    /// <summary>The last step reported before the error.</summary>
    public required int Step { get; init; }

    /// <summary>The error in one line; the row of the run holds the whole text.</summary>
    public required string Error { get; init; }
}
