namespace Rlhf.Contracts.Training;

/// <summary>A checkpoint must no longer be used. Samplers drop it.</summary>
public sealed record CheckpointRetired
{
    /// <summary>The checkpoint's row.</summary>
    public required Guid CheckpointId { get; init; }

    /// <summary>The project the checkpoint belongs to.</summary>
    public required Guid ProjectId { get; init; }
}
