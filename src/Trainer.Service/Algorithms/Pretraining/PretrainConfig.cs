using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Optimization;

namespace Trainer.Service.Algorithms.Pretraining;

/// <summary>The hyperparameters of causal language-model pretraining.</summary>
public sealed record PretrainConfig : ITrainingHyperparameters
{
    /// <summary>Seed of the document order. Default 1.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Optimizer steps. Default 1000.</summary>
    public int Steps { get; init; } = 1000;

    /// <summary>Tokens that each sequence predicts. Default 128.</summary>
    public int ContextLength { get; init; } = 128;

    /// <summary>Sequences of a step. Default 32.</summary>
    public int BatchSize { get; init; } = 32;

    /// <summary>Sequences of one forward and backward pass; gradients are summed. 0 is the whole batch. Default 0.</summary>
    public int MicroBatchSize { get; init; }

    /// <summary>Highest learning rate. Default 1e-3.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Shape of the learning rate after warm-up. Default cosine.</summary>
    public ScheduleKind Schedule { get; init; } = ScheduleKind.Cosine;

    /// <summary>Steps over which the rate rises from 0. Default 100.</summary>
    public int WarmupSteps { get; init; } = 100;

    /// <summary>What is left of the rate at the end of the cosine. Default 0.1.</summary>
    public double MinimumLearningRateRatio { get; init; } = 0.1;

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

    /// <summary>β₂ of AdamW. Default 0.95, as in GPT-3 and Llama.</summary>
    public double AdamBeta2 { get; init; } = 0.95;

    /// <summary>ε of AdamW. Default 1e-8.</summary>
    public double AdamEpsilon { get; init; } = 1e-8;

    /// <summary>Decoupled weight decay of matrices. Default 0.1.</summary>
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>Gradients are scaled down to this norm; 0 leaves them. Default 1.</summary>
    public double MaxGradNorm { get; init; } = 1.0;

    /// <summary>
    /// Mixed precision: products of matrices take bfloat16 factors where the hardware multiplies them faster, everything else is single
    /// precision. Default false.
    /// </summary>
    public bool Bf16 { get; init; }

    /// <summary>
    /// Documents of one block do not see each other: attention is block-diagonal, positions start again at 0, and a document's first token
    /// is no label. False is GPT-2's and GPT-3's way, where the end-of-text token between them is all that separates them. Default true.
    /// </summary>
    public bool IntraDocumentMasking { get; init; } = true;

    /// <summary>Steps between reports. Default 10.</summary>
    public int ReportEvery { get; init; } = 10;

    /// <summary>Steps between saved states. Default 500.</summary>
    public int SaveEvery { get; init; } = 500;

    int ITrainingHyperparameters.RowsOfAPass => MicroBatchSize == 0 ? BatchSize : MicroBatchSize;

    /// <inheritdoc/>
    public IReadOnlyList<string> Validate()
    {
        var faults = new List<string>();
        Require(Steps > 0, $"steps is {Steps}; it must be positive.");
        Require(ContextLength > 0, $"context_length is {ContextLength}; it must be positive.");
        Require(BatchSize > 0, $"batch_size is {BatchSize}; it must be positive.");
        Require(MicroBatchSize >= 0, $"micro_batch_size is {MicroBatchSize}; it must be 0 (the whole batch) or positive.");
        Require(LearningRate > 0, $"learning_rate is {LearningRate}; it must be positive.");
        Require(WarmupSteps >= 0 && WarmupSteps <= Steps, $"warmup_steps is {WarmupSteps}; it must lie between 0 and steps ({Steps}).");
        Require(MinimumLearningRateRatio is >= 0 and <= 1, $"minimum_learning_rate_ratio is {MinimumLearningRateRatio}; it must lie in [0, 1].");
        Require(MaxGradNorm >= 0, $"max_grad_norm is {MaxGradNorm}; it must not be negative.");
        Require(ReportEvery > 0, $"report_every is {ReportEvery}; it must be positive.");
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
        WeightDecayScope = WeightDecayScope.MatricesOnly,
    };
}
