namespace Rlhf.Training.Optimization;

/// <summary>Where Adam adds its epsilon.</summary>
public enum AdamEpsilonStyle
{
    /// <summary>√v̂ + ε with v̂ bias-corrected, as in PyTorch.</summary>
    Pytorch,

    /// <summary>√v + ε with v not corrected (the "ε̂" of Kingma and Ba 2015, section 2), as in TensorFlow 1 and OpenAI's code: gentler first steps.</summary>
    Tensorflow,
}

/// <summary>Which parameters weight decay shrinks.</summary>
public enum WeightDecayScope
{
    /// <summary>Every parameter.</summary>
    AllParameters,

    /// <summary>Parameters with two or more dimensions: not norms and biases.</summary>
    MatricesOnly,
}

/// <summary>The constants of AdamW (Loshchilov and Hutter 2019). The learning rate is given with each step.</summary>
public sealed record AdamWSettings
{
    /// <summary>β₁, the decay of the mean of gradients. Default 0.9.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>β₂, the decay of the mean of squared gradients. Default 0.999.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>ε, which bounds the step where gradients vanish. Default 1e-8.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Where ε is added. Default: as PyTorch does.</summary>
    public AdamEpsilonStyle EpsilonStyle { get; init; } = AdamEpsilonStyle.Pytorch;

    /// <summary>λ, decoupled: p ← p − lr·λ·p before the update. Default 0.</summary>
    public double WeightDecay { get; init; }

    /// <summary>What λ applies to. Default: every parameter.</summary>
    public WeightDecayScope WeightDecayScope { get; init; } = WeightDecayScope.AllParameters;

    /// <summary>Every fault of these settings; empty when they are usable.</summary>
    public IReadOnlyList<string> Validate()
    {
        var faults = new List<string>();
        if (Beta1 is not (>= 0 and < 1))
        {
            faults.Add($"beta1 is {Beta1}; it must lie in [0, 1).");
        }

        if (Beta2 is not (>= 0 and < 1))
        {
            faults.Add($"beta2 is {Beta2}; it must lie in [0, 1).");
        }

        if (!(Epsilon > 0))
        {
            faults.Add($"epsilon is {Epsilon}; it must be positive.");
        }

        if (!(WeightDecay >= 0))
        {
            faults.Add($"weight_decay is {WeightDecay}; it must not be negative.");
        }

        return faults;
    }
}
