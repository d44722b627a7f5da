namespace Rlhf.Contracts.Training;

/// <summary>What a run does; the service that executes a kind takes the commands for it.</summary>
public static class RunKinds
{
    /// <summary>Next-token training of a policy from random weights.</summary>
    public const string Pretrain = "pretrain";

    /// <summary>Supervised fine-tuning of a policy on demonstrations.</summary>
    public const string Sft = "sft";

    /// <summary>Training of a reward model on judgments.</summary>
    public const string RewardModel = "reward-model";

    /// <summary>Proximal policy optimisation of a policy against a reward model.</summary>
    public const string Ppo = "ppo";

    /// <summary>Sampling of new completions and comparison tasks.</summary>
    public const string Sample = "sample";

    /// <summary>Measurement of a policy, alone and against a baseline.</summary>
    public const string Eval = "eval";

    /// <summary>Every legal value.</summary>
    public static IReadOnlyList<string> All { get; } = [Pretrain, Sft, RewardModel, Ppo, Sample, Eval];
}
