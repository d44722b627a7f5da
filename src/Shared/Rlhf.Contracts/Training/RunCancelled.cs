namespace Rlhf.Contracts.Training;

/// <summary>A run stopped because somebody asked for it. Published by the service that executes it.</summary>
public sealed record RunCancelled
{
    /// <summary>The run.</summary>
    public required Guid RunId { get; init; }

    /// <summary>The run's project.</summary>
    public required Guid ProjectId { get; init; }

    /// <summary>The cycle the run belongs to, if any.</summary>
    public Guid? CycleId { get; init; }

    /// <summary>One of <see cref="RunKinds"/>.</summary>
    public required string Kind { get; init; }
}
