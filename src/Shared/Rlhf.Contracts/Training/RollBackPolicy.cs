namespace Rlhf.Contracts.Training;

/// <summary>Sent by Labeling.Web: an earlier checkpoint becomes the project's policy again. The planner checks it and decides.</summary>
public sealed record RollBackPolicy
{
    /// <summary>The project.</summary>
    public required Guid ProjectId { get; init; }

    /// <summary>The policy checkpoint to go back to.</summary>
    public required Guid CheckpointId { get; init; }

    /// <summary>Who asked.</summary>
    public Guid? UserId { get; init; }
}
