using Rlhf.Training.Offline;

namespace Trainer.Service.Algorithms.Preference;

/// <summary>The hyperparameters of direct preference optimisation; names and defaults as in TRL's <c>DPOConfig</c> except where a summary says otherwise.</summary>
public sealed record DpoConfig : OfflineTrainingConfig
{
    /// <summary>The losses to add up. Default sigmoid alone; ["sigmoid", "sft"] is DPO with NLL.</summary>
    public DpoLossType[] LossType { get; init; } = [DpoLossType.Sigmoid];

    /// <summary>Their weights; empty: 1 each.</summary>
    public double[] LossWeights { get; init; } = [];

    /// <summary>β, how strongly the policy is held to its reference. Default 0.1.</summary>
    public double Beta { get; init; } = 0.1;

    /// <summary>ε, the share of labels thought to be wrong, in [0, ½). Default 0.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>The divergence that keeps the policy near its reference. Default reverse_kl.</summary>
    public FDivergence FDivergence { get; init; } = FDivergence.ReverseKl;

    /// <summary>α of the α-divergence. Default 1 (TRL 1.x: 0.5).</summary>
    public double FAlphaDivergenceCoef { get; init; } = 1;

    /// <summary>τ of DiscoPOP. Default 0.05.</summary>
    public double DiscopopTau { get; init; } = 0.05;

    /// <summary>
    /// Weight of the tokens by which a completion is longer than the other of its pair, in [0, 1] (Liu et al. 2024, LD-DPO). Null: 1.
    /// </summary>
    public double? LdAlpha { get; init; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Validate()
    {
        var faults = base.Validate().ToList();
        Require(faults, LossType is { Length: > 0 }, "loss_type is empty; it must name at least one loss.");
        Require(faults, LossWeights.Length == 0 || LossWeights.Length == LossType.Length, $"loss_weights has {LossWeights.Length} numbers; loss_type has {LossType.Length}: give as many, or none.");
        Require(faults, LossWeights.All(w => w >= 0), "loss_weights has a negative number.");
        Require(faults, Beta > 0, $"beta is {Beta}; it must be positive.");
        Require(faults, LabelSmoothing is >= 0 and < 0.5, $"label_smoothing is {LabelSmoothing}; it must lie in [0, 0.5).");
        Require(faults, !LossType.Contains(DpoLossType.ExoPair) || LabelSmoothing > 0, "label_smoothing is 0; exo_pair needs it above 0 (1e-3 is usual).");
        Require(faults, FAlphaDivergenceCoef > 0, $"f_alpha_divergence_coef is {FAlphaDivergenceCoef}; it must be positive.");
        Require(faults, DiscopopTau > 0, $"discopop_tau is {DiscopopTau}; it must be positive.");
        Require(faults, LdAlpha is null or (>= 0 and <= 1), $"ld_alpha is {LdAlpha}; it must lie in [0, 1], or be null.");
        Require(
            faults,
            MicroBatchSize == 0 || !LossType.Any(t => t is DpoLossType.Aot or DpoLossType.AotUnpaired),
            $"micro_batch_size is {MicroBatchSize}; aot and aot_unpaired compare within the whole batch and need 0.");
        return faults;
    }
}

/// <summary>The hyperparameters of Kahneman–Tversky optimisation; names and defaults as in TRL's <c>KTOConfig</c>.</summary>
public sealed record KtoConfig : OfflineTrainingConfig
{
    /// <summary>Which loss. Default kto.</summary>
    public KtoLossType LossType { get; init; } = KtoLossType.Kto;

    /// <summary>β. Default 0.1.</summary>
    public double Beta { get; init; } = 0.1;

    /// <summary>λ_D. Default 1. The paper wants (λ_D · desirable) / (λ_U · undesirable examples) within [1, 4/3].</summary>
    public double DesirableWeight { get; init; } = 1;

    /// <summary>λ_U. Default 1.</summary>
    public double UndesirableWeight { get; init; } = 1;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Validate()
    {
        var faults = base.Validate().ToList();
        Require(faults, Beta > 0, $"beta is {Beta}; it must be positive.");
        Require(faults, DesirableWeight > 0, $"desirable_weight is {DesirableWeight}; it must be positive.");
        Require(faults, UndesirableWeight > 0, $"undesirable_weight is {UndesirableWeight}; it must be positive.");
        return faults;
    }
}

/// <summary>The hyperparameters of odds ratio preference optimisation; names and defaults as in TRL's <c>ORPOConfig</c>.</summary>
public sealed record OrpoConfig : OfflineTrainingConfig
{
    /// <summary>λ of the paper, the weight of the odds-ratio term. Default 0.1.</summary>
    public double Beta { get; init; } = 0.1;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Validate()
    {
        var faults = base.Validate().ToList();
        Require(faults, Beta > 0, $"beta is {Beta}; it must be positive.");
        return faults;
    }
}

/// <summary>The hyperparameters of simple preference optimisation; names as in TRL's <c>CPOConfig</c>, defaults those of the SimPO paper.</summary>
public sealed record SimpoConfig : OfflineTrainingConfig
{
    /// <summary>Which loss. Default simpo.</summary>
    public SimpoLossType LossType { get; init; } = SimpoLossType.Simpo;

    /// <summary>β. Default 2.</summary>
    public double Beta { get; init; } = 2;

    /// <summary>γ, the margin the rewards shall have. Default 0.5.</summary>
    public double SimpoGamma { get; init; } = 0.5;

    /// <summary>Weight of the negative log-likelihood of the chosen completions. Default 0 (TRL: 1, which is CPO).</summary>
    public double CpoAlpha { get; init; }

    /// <summary>α of AlphaPO's reward. Default 0: SimPO's own.</summary>
    public double Alpha { get; init; }

    /// <summary>ε, the share of labels thought to be wrong, in [0, ½). Default 0.</summary>
    public double LabelSmoothing { get; init; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Validate()
    {
        var faults = base.Validate().ToList();
        Require(faults, Beta > 0, $"beta is {Beta}; it must be positive.");
        Require(faults, SimpoGamma >= 0, $"simpo_gamma is {SimpoGamma}; it must not be negative.");
        Require(faults, CpoAlpha >= 0, $"cpo_alpha is {CpoAlpha}; it must not be negative.");
        Require(faults, double.IsFinite(Alpha), $"alpha is {Alpha}; it must be finite.");
        Require(faults, LabelSmoothing is >= 0 and < 0.5, $"label_smoothing is {LabelSmoothing}; it must lie in [0, 0.5).");
        return faults;
    }
}
