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

    /// <summary>Group relative policy optimisation against a reward model.</summary>
    public const string Grpo = "grpo";

    /// <summary>REINFORCE leave-one-out against a reward model.</summary>
    public const string Rloo = "rloo";

    /// <summary>REINFORCE++ against a reward model.</summary>
    public const string Reinforce = "reinforce";

    /// <summary>Rejection-sampling fine-tuning against a reward model.</summary>
    public const string Raft = "raft";

    /// <summary>DPO on pairs of the policy's own responses, ranked by a reward model.</summary>
    public const string OnlineDpo = "online-dpo";

    /// <summary>Direct preference optimisation of a policy on judgments.</summary>
    public const string Dpo = "dpo";

    /// <summary>Kahneman-Tversky optimisation of a policy on judgments, the preferred completion as a good one and the other as a bad one.</summary>
    public const string Kto = "kto";

    /// <summary>Odds ratio preference optimisation of a policy on judgments.</summary>
    public const string Orpo = "orpo";

    /// <summary>Simple preference optimisation of a policy on judgments.</summary>
    public const string Simpo = "simpo";

    /// <summary>Sampling of new completions and comparison tasks.</summary>
    public const string Sample = "sample";

    /// <summary>Measurement of a policy, alone and against a baseline.</summary>
    public const string Eval = "eval";

    /// <summary>The kinds that make a cycle's new policy; a project chooses one.</summary>
    public static IReadOnlyList<string> PolicyAlgorithms { get; } = [Ppo, Grpo, Rloo, Reinforce, Raft, OnlineDpo, Dpo, Kto, Orpo, Simpo];

    /// <summary>Every legal value.</summary>
    public static IReadOnlyList<string> All { get; } = [Pretrain, Sft, RewardModel, .. PolicyAlgorithms, Sample, Eval];
}
