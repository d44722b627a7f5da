using Rlhf.Training.Offline;

namespace RewardModel.Service.Training;

/// <summary>The hyperparameters of reward-model training. Defaults are those of "The N+ implementation details" except where a summary says otherwise.</summary>
public sealed record RewardModelConfig : OfflineTrainingConfig
{
    /// <summary>The common defaults, with N+'s ε of AdamW, 1e-5.</summary>
    public RewardModelConfig() => AdamEpsilon = 1e-5;

    /// <summary>What is learned with. Default bradley_terry.</summary>
    public RewardLossType Loss { get; init; } = RewardLossType.BradleyTerry;

    /// <summary>What a label counts for. Default uniform.</summary>
    public LabelWeights LabelWeights { get; init; } = LabelWeights.Uniform;

    /// <summary>By how much a preferred score should lead, for comparisons that bring no margin of their own. Default 0.</summary>
    public double Margin { get; init; }

    /// <summary>c, how strongly scores are drawn to mean zero (TRL's name). Default 0; 0.01 is usual.</summary>
    public double CenterRewardsCoefficient { get; init; }

    /// <summary>ν of Davidson's model. Null: that at which equal scores tie as often as the training comparisons do. Default null.</summary>
    public double? DavidsonNu { get; init; }

    /// <summary>Models that differ in the seed of head and order and whose scores are averaged (Coste et al. 2023). Default 1.</summary>
    public int Ensemble { get; init; } = 1;

    /// <summary>λ: an ensemble's score is the mean less λ standard deviations of its members. Default 0.</summary>
    public double UncertaintyPenalty { get; init; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Validate()
    {
        var faults = base.Validate().ToList();
        Require(faults, double.IsFinite(Margin), $"margin is {Margin}; it must be finite.");
        Require(faults, CenterRewardsCoefficient >= 0, $"center_rewards_coefficient is {CenterRewardsCoefficient}; it must not be negative.");
        Require(faults, DavidsonNu is null or > 0, $"davidson_nu is {DavidsonNu}; it must be positive, or null.");
        Require(faults, Ensemble is >= 1 and <= 64, $"ensemble is {Ensemble}; it must lie between 1 and 64.");
        Require(faults, UncertaintyPenalty >= 0, $"uncertainty_penalty is {UncertaintyPenalty}; it must not be negative.");
        Require(
            faults,
            UncertaintyPenalty == 0 || Ensemble > 1,
            $"uncertainty_penalty is {UncertaintyPenalty}; a single model knows no uncertainty: set ensemble to at least 2.");
        Require(faults, EmaDecay == 0 || Ensemble == 1, $"ema_decay is {EmaDecay}; an average is kept of a single model: set ensemble to 1, which averages models itself.");
        return faults;
    }
}
