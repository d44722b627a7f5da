namespace Rlhf.Contracts.Training;

/// <summary>A run finished and its effects are committed. Published by the service that executed it; the planner goes on, the console shows it.</summary>
public sealed record RunCompleted
{
    /// <summary>The run.</summary>
    public required Guid RunId { get; init; }

    /// <summary>The run's project.</summary>
    public required Guid ProjectId { get; init; }

    /// <summary>The cycle the run belongs to, if any.</summary>
    public Guid? CycleId { get; init; }

    /// <summary>One of <see cref="RunKinds"/>.</summary>
    public required string Kind { get; init; }

    /// <summary>The checkpoint the run published, if its kind publishes one.</summary>
    public Guid? OutputCheckpointId { get; init; }
}
