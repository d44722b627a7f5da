using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Optimization;

namespace Rlhf.Training.Offline;

/// <summary>The hyperparameters that every method has in common that learns from a fixed set of examples.</summary>
public abstract record OfflineTrainingConfig : ITrainingHyperparameters
{
    /// <summary>Seed of the order of examples. Default 1.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Passes over the examples. Default 1.</summary>
    public int Epochs { get; init; } = 1;

    /// <summary>Examples of a step. Default 32.</summary>
    public int BatchSize { get; init; } = 32;

    /// <summary>Examples of one forward and backward pass; gradients are summed. 0 is the whole batch. Default 0.</summary>
    public int MicroBatchSize { get; init; }

    /// <summary>Highest learning rate. Default 1e-4, for a model of a few million parameters.</summary>
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

    /// <summary>ε of AdamW. Default 1e-8.</summary>
    public double AdamEpsilon { get; init; } = 1e-8;

    /// <summary>Decoupled weight decay. Default 0.</summary>
    public double WeightDecay { get; init; }

    /// <summary>What weight decay shrinks. Default every parameter.</summary>
    public WeightDecayScope WeightDecayScope { get; init; } = WeightDecayScope.AllParameters;

    /// <summary>Gradients are scaled down to this norm; 0 leaves them. Default 1.</summary>
    public double MaxGradNorm { get; init; } = 1.0;

    /// <summary>
    /// Mixed precision: products of matrices take bfloat16 factors where the hardware multiplies them faster, everything else is single
    /// precision. Default false.
    /// </summary>
    public bool Bf16 { get; init; }

    /// <summary>Steps between reports. Default 1.</summary>
    public int ReportEvery { get; init; } = 1;

    /// <summary>Steps between evaluations on held-out examples; 0 evaluates only at the end. Default 0.</summary>
    public int EvaluateEvery { get; init; }

    /// <summary>Steps between saved states. Default 50.</summary>
    public int SaveEvery { get; init; } = 50;

    int ITrainingHyperparameters.RowsOfAPass => MicroBatchSize == 0 ? BatchSize : MicroBatchSize;

    /// <inheritdoc/>
    public virtual IReadOnlyList<string> Validate()
    {
        var faults = new List<string>();
        Require(faults, Epochs > 0, $"epochs is {Epochs}; it must be positive.");
        Require(faults, BatchSize > 0, $"batch_size is {BatchSize}; it must be positive.");
        Require(faults, MicroBatchSize >= 0, $"micro_batch_size is {MicroBatchSize}; it must be 0 (the whole batch) or positive.");
        Require(faults, LearningRate > 0, $"learning_rate is {LearningRate}; it must be positive.");
        Require(faults, WarmupSteps >= 0, $"warmup_steps is {WarmupSteps}; it must not be negative.");
        Require(faults, MaxGradNorm >= 0, $"max_grad_norm is {MaxGradNorm}; it must not be negative.");
        Require(faults, ReportEvery > 0, $"report_every is {ReportEvery}; it must be positive.");
        Require(faults, EvaluateEvery >= 0, $"evaluate_every is {EvaluateEvery}; it must be 0 (only at the end) or positive.");
        Require(faults, SaveEvery > 0, $"save_every is {SaveEvery}; it must be positive.");
        faults.AddRange(TrainingHyperparameters.Faults(this));
        faults.AddRange(Adam().Validate().Select(f => "adam_" + f));
        return faults;
    }

    /// <summary>Adds a fault to the list unless the condition holds.</summary>
    protected static void Require(List<string> faults, bool holds, string fault)
    {
        ArgumentNullException.ThrowIfNull(faults);
        if (!holds)
        {
            faults.Add(fault);
        }
    }

    internal AdamWSettings Adam() => new()
    {
        Beta1 = AdamBeta1,
        Beta2 = AdamBeta2,
        Epsilon = AdamEpsilon,
        WeightDecay = WeightDecay,
        WeightDecayScope = WeightDecayScope,
    };
}
