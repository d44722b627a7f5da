namespace Trainer.Service.Algorithms.Preference;

/// <summary>The losses of direct preference optimisation, under TRL's names (<c>loss_type</c> of its <c>DPOConfig</c>).</summary>
public enum DpoLossType
{
    /// <summary>−log σ(β·Δ) (Rafailov et al. 2023, equation 7); with label smoothing the conservative cDPO (Mitchell 2023).</summary>
    Sigmoid,

    /// <summary>Sigmoid with every log-ratio divided by the completion's tokens (length-normalised; Meng et al. 2024 discuss why).</summary>
    SigmoidNorm,

    /// <summary>Unbiased under label noise of rate ε (Chowdhury et al. 2024): needs label smoothing &lt; ½.</summary>
    Robust,

    /// <summary>max(0, 1 − β·Δ) (SLiC; Zhao et al. 2023, Liu et al. 2024).</summary>
    Hinge,

    /// <summary>(Δ − 1/(2β))² with per-token means (Azar et al. 2023, equation 17; TRL divides by the completion's length).</summary>
    Ipo,

    /// <summary>The same with sums, as the paper writes it.</summary>
    IpoSum,

    /// <summary>Reverse KL between model and label distributions of the pair (Ji et al. 2024, EXO): needs label smoothing &gt; 0.</summary>
    ExoPair,

    /// <summary>Noise-contrastive alignment of pairs (Chen et al. 2024).</summary>
    NcaPair,

    /// <summary>Binary classification of the implicit rewards around 0 (Jung et al. 2024, BCO; as in TRL 1.x without the paper's running shift).</summary>
    BcoPair,

    /// <summary>(a − 1/(2β))² + (b + 1/(2β))² on the two log-ratios (Wu et al. 2024, SPPO with hard labels).</summary>
    SppoHard,

    /// <summary>First-order stochastic dominance of the chosen over the rejected margins, within the batch (Melnyk et al. 2024, AOT paired).</summary>
    Aot,

    /// <summary>The same with chosen and rejected log-ratios sorted apart.</summary>
    AotUnpaired,

    /// <summary>1 − σ(β·chosen) + σ(β·rejected) (D'Oosterlinck et al. 2024, APO-zero).</summary>
    ApoZero,

    /// <summary>σ(β·chosen) + 1 − σ(β·Δ) (APO-down).</summary>
    ApoDown,

    /// <summary>Log-ratio modulated loss (Lu et al. 2024, DiscoPOP).</summary>
    Discopop,

    /// <summary>Mean negative log-likelihood of the chosen completions' tokens: weighted in beside another loss (RPO; Pang et al. 2024).</summary>
    Sft,
}

/// <summary>The divergence that keeps the policy near its reference (Wang et al. 2023, f-DPO, table 1).</summary>
public enum FDivergence
{
    /// <summary>KL(π ‖ π_ref), as in DPO.</summary>
    ReverseKl,

    /// <summary>KL(π_ref ‖ π).</summary>
    ForwardKl,

    /// <summary>Jensen–Shannon.</summary>
    JsDivergence,

    /// <summary>α-divergence, α = <c>f_alpha_divergence_coef</c>.</summary>
    AlphaDivergence,
}
