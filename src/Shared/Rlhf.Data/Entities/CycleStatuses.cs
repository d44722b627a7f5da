namespace Rlhf.Data.Entities;

/// <summary>The states of a cycle: the stage it is in, or how it ended.</summary>
public static class CycleStatuses
{
    /// <summary>The reward model trains.</summary>
    public const string RewardModel = "reward-model";

    /// <summary>The policy trains.</summary>
    public const string Ppo = "ppo";

    /// <summary>The new policy samples.</summary>
    public const string Sampling = "sampling";

    /// <summary>The new policy is published and its samples are open for comparison.</summary>
    public const string Completed = "completed";

    /// <summary>A run failed.</summary>
    public const string Failed = "failed";

    /// <summary>A gate said no.</summary>
    public const string Halted = "halted";

    /// <summary>The states a cycle can still leave.</summary>
    public static IReadOnlyList<string> Unfinished { get; } = [RewardModel, Ppo, Sampling];
}
