namespace Rlhf.Contracts.RewardModel;

/// <summary>Rewards of sampled completions are wanted. Sent by the planner and Labeling.Web; RewardModel.Service scores them.</summary>
public sealed record ScoreCompletions
{
    /// <summary>Identifies the command: the same id twice scores once.</summary>
    public required Guid CommandId { get; init; }

    /// <summary>The project of the completions.</summary>
    public required Guid ProjectId { get; init; }

    /// <summary>The reward model to score with.</summary>
    public required Guid CheckpointId { get; init; }

    /// <summary>The sampling run whose completions are scored.</summary>
    public required Guid RunId { get; init; }
}
