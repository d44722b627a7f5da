namespace Rlhf.Contracts.Training;

/// <summary>New weights are in the checkpoint store. Published with the run that made them; samplers reload.</summary>
public sealed record CheckpointPublished
{
    /// <summary>The checkpoint's row.</summary>
    public required Guid CheckpointId { get; init; }

    /// <summary>The project the checkpoint belongs to.</summary>
    public required Guid ProjectId { get; init; }

    /// <summary>One of <see cref="CheckpointKinds"/>.</summary>
    public required string Kind { get; init; }

    /// <summary>Counts up from 1 per project and kind.</summary>
    public required int Version { get; init; }

    /// <summary>SHA-256 over the files of the checkpoint.</summary>
    public required string ContentHash { get; init; }
}
