namespace Rlhf.Contracts.Training;

/// <summary>A worker claimed a run. Published by the service that executes it, once per attempt; for the console.</summary>
public sealed record RunStarted
{
    /// <summary>The run.</summary>
    public required Guid RunId { get; init; }

    /// <summary>The run's project.</summary>
    public required Guid ProjectId { get; init; }

    /// <summary>One of <see cref="RunKinds"/>.</summary>
    public required string Kind { get; init; }
}
