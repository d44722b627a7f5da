namespace Rlhf.Contracts.Training;

/// <summary>What the weights of a checkpoint are.</summary>
public static class CheckpointKinds
{
    /// <summary>A causal language model.</summary>
    public const string Policy = "policy";

    /// <summary>A model with a scalar head that scores a prompt and its completion.</summary>
    public const string RewardModel = "reward-model";

    /// <summary>Every legal value.</summary>
    public static IReadOnlyList<string> All { get; } = [Policy, RewardModel];
}
