namespace Trainer.Service.Algorithms.Online;

/// <summary>By what GRPO divides the differences to the group's mean (TRL's <c>scale_rewards</c>).</summary>
public enum ScaleRewards
{
    /// <summary>The group's standard deviation (Shao et al. 2024).</summary>
    Group,

    /// <summary>The standard deviation of all rewards of the update.</summary>
    Batch,

    /// <summary>Nothing: Dr. GRPO (Liu et al. 2025), as the division favours questions that are too easy or too hard.</summary>
    None,
}

/// <summary>How token losses become one number (TRL's <c>loss_type</c> of its <c>GRPOConfig</c>).</summary>
public enum GrpoLossType
{
    /// <summary>The mean over responses of their mean over tokens: long responses' tokens count less (Shao et al. 2024).</summary>
    Grpo,

    /// <summary>The sum over tokens divided by responses · max_new_tokens: no length bias (Liu et al. 2025, Dr. GRPO).</summary>
    DrGrpo,

    /// <summary>The mean over all tokens of the step (Yu et al. 2025, DAPO's token-level loss; TRL's bnpo where micro-batches are summed).</summary>
    Dapo,

    /// <summary>DAPO's mean of −min(ρ, ε_high)·A·log π with a ratio that has no gradient (MiniMax 2025, CISPO).</summary>
    Cispo,
}

/// <summary>Of what the probability ratio is taken.</summary>
public enum ImportanceSamplingLevel
{
    /// <summary>Each token.</summary>
    Token,

    /// <summary>The whole response, the geometric mean over its tokens (Zheng et al. 2025, GSPO).</summary>
    Sequence,
}

/// <summary>The hyperparameters of group relative policy optimisation; names and defaults as in TRL's <c>GRPOConfig</c>.</summary>
public sealed record GrpoConfig : OnlineTrainingConfig
{
    /// <summary>Responses of a prompt. Default 8.</summary>
    public int NumGenerations { get; init; } = 8;

    /// <summary>β of the k3 penalty in the loss. Default 0: no reference is held.</summary>
    public double Beta { get; init; }

    /// <summary>Lower clip range of the ratio. Default 0.2.</summary>
    public double Epsilon { get; init; } = 0.2;

    /// <summary>Upper clip range (DAPO's clip-higher: 0.28; CISPO: the cap itself, 5). Null: as the lower one.</summary>
    public double? EpsilonHigh { get; init; }

    /// <summary>Cap of the ratio where the advantage is negative (INTELLECT-2's two-sided clip), above 1 + ε. Null: none.</summary>
    public double? Delta { get; init; }

    /// <summary>How token losses become one number. Default dapo.</summary>
    public GrpoLossType LossType { get; init; } = GrpoLossType.Dapo;

    /// <summary>By what differences to the group's mean are divided. Default group.</summary>
    public ScaleRewards ScaleRewards { get; init; } = ScaleRewards.Group;

    /// <summary>Of what the ratio is taken. Default token.</summary>
    public ImportanceSamplingLevel ImportanceSamplingLevel { get; init; } = ImportanceSamplingLevel.Token;

    /// <summary>Whether responses that were cut off teach nothing (DAPO's overlong filtering). Default false.</summary>
    public bool MaskTruncatedCompletions { get; init; }

    /// <inheritdoc/>
    public override int GroupSize => NumGenerations;

    /// <inheritdoc/>
    public override bool UsesReference => Beta > 0;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Validate()
    {
        var faults = base.Validate().ToList();
        Require(faults, NumGenerations >= 2, $"num_generations is {NumGenerations}; a group needs at least 2.");
        Require(faults, Beta >= 0, $"beta is {Beta}; it must not be negative.");
        Require(faults, Epsilon is > 0 and < 1, $"epsilon is {Epsilon}; it must lie in (0, 1).");
        Require(faults, EpsilonHigh is null or > 0, $"epsilon_high is {EpsilonHigh}; it must be positive, or null.");
        Require(faults, Delta is null || Delta > 1 + (EpsilonHigh ?? Epsilon), $"delta is {Delta}; it must be above 1 + epsilon_high, or null.");
        Require(faults, LossType != GrpoLossType.Cispo || EpsilonHigh is > 1, "epsilon_high is the cap of the ratio in cispo; give one above 1 (5 is usual).");
        return faults;
    }
}

/// <summary>The hyperparameters of REINFORCE leave-one-out; names and defaults as in TRL's <c>RLOOConfig</c>.</summary>
public sealed record RlooConfig : OnlineTrainingConfig
{
    /// <summary>Responses of a prompt. Default 2.</summary>
    public int NumGenerations { get; init; } = 2;

    /// <summary>β of the KL penalty in the reward: of the whole response's log-ratio. Default 0.05.</summary>
    public double Beta { get; init; } = 0.05;

    /// <summary>Clip range of the whole response's ratio. Default 0.2.</summary>
    public double Epsilon { get; init; } = 0.2;

    /// <summary>Whether advantages are brought to mean 0 and standard deviation 1 over the update. Default false.</summary>
    public bool NormalizeAdvantages { get; init; }

    /// <inheritdoc/>
    public override int GroupSize => NumGenerations;

    /// <inheritdoc/>
    public override bool UsesReference => Beta > 0;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Validate()
    {
        var faults = base.Validate().ToList();
        Require(faults, NumGenerations >= 2, $"num_generations is {NumGenerations}; leaving one out needs at least 2.");
        Require(faults, Beta >= 0, $"beta is {Beta}; it must not be negative.");
        Require(faults, Epsilon is > 0 and < 1, $"epsilon is {Epsilon}; it must lie in (0, 1).");
        return faults;
    }
}

/// <summary>What REINFORCE subtracts from the return.</summary>
public enum ReinforceBaseline
{
    /// <summary>The mean over the update, divided by the standard deviation (Hu 2025, REINFORCE++).</summary>
    Batch,

    /// <summary>The group's mean, then the same normalisation over the update (REINFORCE++-baseline).</summary>
    Group,

    /// <summary>The score of the greedy response to the same prompt (Li et al. 2023, ReMax); not normalised.</summary>
    Greedy,
}

/// <summary>The hyperparameters of REINFORCE++ and ReMax.</summary>
public sealed record ReinforceConfig : OnlineTrainingConfig
{
    /// <summary>What is subtracted. Default batch: REINFORCE++.</summary>
    public ReinforceBaseline Baseline { get; init; } = ReinforceBaseline.Batch;

    /// <summary>Responses of a prompt. Default 1; baseline group needs at least 2.</summary>
    public int NumGenerations { get; init; } = 1;

    /// <summary>β of the k1 penalty that every token's reward carries. Default 0.01.</summary>
    public double Beta { get; init; } = 0.01;

    /// <summary>Clip range of the ratio. Default 0.2.</summary>
    public double Epsilon { get; init; } = 0.2;

    /// <inheritdoc/>
    public override int GroupSize => NumGenerations;

    /// <inheritdoc/>
    public override bool UsesReference => Beta > 0;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Validate()
    {
        var faults = base.Validate().ToList();
        Require(faults, Baseline != ReinforceBaseline.Group || NumGenerations >= 2, $"num_generations is {NumGenerations}; baseline group needs at least 2.");
        Require(faults, Beta >= 0, $"beta is {Beta}; it must not be negative.");
        Require(faults, Epsilon is > 0 and < 1, $"epsilon is {Epsilon}; it must lie in (0, 1).");
        return faults;
    }
}

/// <summary>The hyperparameters of rejection-sampling fine-tuning.</summary>
public sealed record RaftConfig : OnlineTrainingConfig
{
    /// <summary>Responses of a prompt, of which the best is kept (K of RAFT). Default 8.</summary>
    public int NumGenerations { get; init; } = 8;

    /// <summary>The best response is kept only if its reward is at least this (τ of ReST); null keeps each. Default null.</summary>
    public double? RewardThreshold { get; init; }

    /// <inheritdoc/>
    public override int GroupSize => NumGenerations;

    /// <inheritdoc/>
    public override bool UsesReference => false;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Validate()
    {
        var faults = base.Validate().ToList();
        Require(faults, RewardThreshold is null || double.IsFinite(RewardThreshold.Value), $"reward_threshold is {RewardThreshold}; it must be finite, or null.");
        return faults;
    }
}

/// <summary>The losses of online DPO, under TRL's names.</summary>
public enum OnlineDpoLossType
{
    /// <summary>−log σ(β·Δ) (Rafailov et al. 2023).</summary>
    Sigmoid,

    /// <summary>(Δ − 1/(2β))² with sums over tokens (Azar et al. 2023).</summary>
    Ipo,
}

/// <summary>
/// The hyperparameters of online DPO; names and defaults as in TRL's <c>OnlineDPOConfig</c> except the learning rate, which is for a small model
/// (TRL: 5e-7).
/// </summary>
public sealed record OnlineDpoConfig : OnlineTrainingConfig
{
    /// <summary>The common defaults with TRL's sampling temperature, 0.9.</summary>
    public OnlineDpoConfig() => Temperature = 0.9;

    /// <summary>Responses of a prompt; the best and the worst are the pair. Default 2.</summary>
    public int NumGenerations { get; init; } = 2;

    /// <summary>β, how strongly the policy is held to its reference. Default 0.1.</summary>
    public double Beta { get; init; } = 0.1;

    /// <summary>Which loss. Default sigmoid.</summary>
    public OnlineDpoLossType LossType { get; init; } = OnlineDpoLossType.Sigmoid;

    /// <inheritdoc/>
    public override int GroupSize => NumGenerations;

    /// <inheritdoc/>
    public override bool UsesReference => true;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Validate()
    {
        var faults = base.Validate().ToList();
        Require(faults, NumGenerations >= 2, $"num_generations is {NumGenerations}; a pair needs at least 2.");
        Require(faults, Beta > 0, $"beta is {Beta}; it must be positive.");
        Require(faults, MicroBatchSize % 2 == 0, $"micro_batch_size is {MicroBatchSize}; it must be even, so that no pair is torn apart.");
        return faults;
    }
}
