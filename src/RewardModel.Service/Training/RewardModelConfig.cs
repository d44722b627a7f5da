using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Optimization;

namespace RewardModel.Service.Training;

/// <summary>The hyperparameters of reward-model training. Defaults are those of "The N+ implementation details" except where a summary says otherwise.</summary>
public sealed record RewardModelConfig : ITrainingHyperparameters
{
    /// <summary>Seed of the order of comparisons. Default 1.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Passes over the comparisons. Default 1.</summary>
    public int Epochs { get; init; } = 1;

    /// <summary>Comparisons of a step. Default 32 (N+: 64).</summary>
    public int BatchSize { get; init; } = 32;

    /// <summary>Highest learning rate. Default 1e-4 for a model of a few million parameters (N+: 3e-6 for a billion).</summary>
    public double LearningRate { get; init; } = 1e-4;

    /// <summary>Shape of the learning rate after warm-up. Default cosine to zero.</summary>
    public ScheduleKind Schedule { get; init; } = ScheduleKind.Cosine;

    /// <summary>Steps over which the rate rises from 0. Default 0.</summary>
    public int WarmupSteps { get; init; }

    /// <summary>Steps at the end over which the schedule warmup_stable_decay falls. Default null: a tenth of all steps.</summary>
    public int? NumDecaySteps { get; init; }

    /// <summary>
    /// d of an exponential moving average of the weights, a ← d·a + (1 − d)·w after every optimizer step, which is written beside the model
    /// as a second one. Default 0: none is kept (OpenRLHF: 0.992).
    /// </summary>
    public double EmaDecay { get; init; }

    /// <summary>
    /// Whether activations are computed again in the backward pass instead of being held: less memory, about a third more work, the same
    /// gradients. Default false.
    /// </summary>
    public bool GradientCheckpointing { get; init; }

    /// <summary>β₁ of AdamW. Default 0.9.</summary>
    public double AdamBeta1 { get; init; } = 0.9;

    /// <summary>β₂ of AdamW. Default 0.999.</summary>
    public double AdamBeta2 { get; init; } = 0.999;

    /// <summary>ε of AdamW. Default 1e-5.</summary>
    public double AdamEpsilon { get; init; } = 1e-5;

    /// <summary>Decoupled weight decay of all parameters. Default 0.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Gradients are scaled down to this norm; 0 leaves them. Default 1 (N+: none).</summary>
    public double MaxGradNorm { get; init; } = 1.0;

    /// <summary>
    /// Mixed precision: products of matrices take bfloat16 factors, everything else is single precision. Pays where the hardware multiplies
    /// bfloat16 faster. Default false.
    /// </summary>
    public bool Bf16 { get; init; }

    /// <summary>c, how strongly scores are drawn to mean zero. Default 0; 0.01 is usual.</summary>
    public double Centering { get; init; }

    /// <summary>Steps between reports. Default 1.</summary>
    public int ReportEvery { get; init; } = 1;

    /// <summary>Steps between evaluations on held-out comparisons; 0 evaluates only at the end. Default 0.</summary>
    public int EvaluateEvery { get; init; }

    /// <summary>Steps between saved states. Default 50.</summary>
    public int SaveEvery { get; init; } = 50;

    int ITrainingHyperparameters.RowsOfAPass => BatchSize;

    /// <inheritdoc/>
    public IReadOnlyList<string> Validate()
    {
        var faults = new List<string>();
        Require(Epochs > 0, $"epochs is {Epochs}; it must be positive.");
        Require(BatchSize > 0, $"batch_size is {BatchSize}; it must be positive.");
        Require(LearningRate > 0, $"learning_rate is {LearningRate}; it must be positive.");
        Require(WarmupSteps >= 0, $"warmup_steps is {WarmupSteps}; it must not be negative.");
        Require(MaxGradNorm >= 0, $"max_grad_norm is {MaxGradNorm}; it must not be negative.");
        Require(Centering >= 0, $"centering is {Centering}; it must not be negative.");
        Require(ReportEvery > 0, $"report_every is {ReportEvery}; it must be positive.");
        Require(EvaluateEvery >= 0, $"evaluate_every is {EvaluateEvery}; it must be 0 (only at the end) or positive.");
        Require(SaveEvery > 0, $"save_every is {SaveEvery}; it must be positive.");
        faults.AddRange(TrainingHyperparameters.Faults(this));
        faults.AddRange(Adam().Validate().Select(f => "adam_" + f));
        return faults;

        void Require(bool holds, string fault)
        {
            if (!holds)
            {
                faults.Add(fault);
            }
        }
    }

    internal AdamWSettings Adam() => new()
    {
        Beta1 = AdamBeta1,
        Beta2 = AdamBeta2,
        Epsilon = AdamEpsilon,
        WeightDecay = WeightDecay,
    };
}
