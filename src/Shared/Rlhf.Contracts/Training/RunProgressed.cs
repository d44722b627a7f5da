namespace Rlhf.Contracts.Training;

/// <summary>A run reached a step. Published at most twice a second; the metrics themselves are rows. For the console.</summary>
public sealed record RunProgressed
{
    /// <summary>The run.</summary>
    public required Guid RunId { get; init; }

    /// <summary>The run's project.</summary>
    public required Guid ProjectId { get; init; }

    /// <summary>Optimizer steps (or samples, for a sampling run) done.</summary>
    public required int Step { get; init; }

    /// <summary>Steps the run will take in all.</summary>
    public required int TotalSteps { get; init; }
}
