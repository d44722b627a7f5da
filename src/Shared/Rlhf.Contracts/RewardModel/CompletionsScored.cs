namespace Rlhf.Contracts.RewardModel;

/// <summary>Rewards of sampled completions are stored. Published by RewardModel.Service; orders tasks and feeds dashboards.</summary>
public sealed record CompletionsScored
{
    /// <summary>The command that asked for the scores.</summary>
    public required Guid CommandId { get; init; }

    /// <summary>The project of the completions.</summary>
    public required Guid ProjectId { get; init; }

    /// <summary>The reward model that scored.</summary>
    public required Guid CheckpointId { get; init; }

    /// <summary>The sampling run whose completions were scored.</summary>
    public required Guid RunId { get; init; }

    /// <summary>How many completions were scored.</summary>
    public required int Count { get; init; }
}
