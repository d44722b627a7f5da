using Rlhf.Modeling.Generation;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Optimization;
using Trainer.Service.Algorithms.Common;

namespace Trainer.Service.Algorithms.Online;

/// <summary>The hyperparameters that the methods have in common that sample, score and learn without a critic.</summary>
public abstract record OnlineTrainingConfig : ITrainingHyperparameters
{
    /// <summary>Seed of prompts, samples and minibatches. Default 1.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Rounds of sampling and learning. Default 50.</summary>
    public int Updates { get; init; } = 50;

    /// <summary>Responses of an update; a multiple of the responses a prompt gets. Default 64.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>Passes over the responses of an update (μ of GRPO). Default 1.</summary>
    public int NumIterations { get; init; } = 1;

    /// <summary>Optimizer steps of a pass. Default 1.</summary>
    public int MinibatchCount { get; init; } = 1;

    /// <summary>Responses of one forward and backward pass; gradients are summed. 0 is the whole minibatch. Default 0.</summary>
    public int MicroBatchSize { get; init; }

    /// <summary>Highest learning rate. Default 1e-5, for a model of a few million parameters.</summary>
    public double LearningRate { get; init; } = 1e-5;

    /// <summary>Shape of the learning rate after warm-up. Default linear to zero.</summary>
    public ScheduleKind Schedule { get; init; } = ScheduleKind.Linear;

    /// <summary>Updates over which the rate rises from 0. Default 0.</summary>
    public int WarmupUpdates { get; init; }

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

    /// <summary>Gradients are scaled down to this norm; 0 leaves them. Default 1.</summary>
    public double MaxGradNorm { get; init; } = 1.0;

    /// <summary>Mixed precision, as in <c>PpoConfig</c>. Default false.</summary>
    public bool Bf16 { get; init; }

    /// <summary>Longest response, tokens. Default 64.</summary>
    public int MaxNewTokens { get; init; } = 64;

    /// <summary>Sampling temperature; log-probabilities of training are taken at the same. Default 1.</summary>
    public double Temperature { get; init; } = 1.0;

    /// <summary>What a response without EOS loses from its score. Default 0.</summary>
    public double MissingEosPenalty { get; init; }

    /// <summary>Largest |ρ − 1| that the first minibatch of an update may show. Default 1e-5.</summary>
    public double RatioTolerance { get; init; } = 1e-5;

    /// <summary>Updates between measurements on held-out prompts, where the run has some; 0 measures never. Default 0.</summary>
    public int EvaluateEvery { get; init; }

    /// <summary>What happens when a guard sees the run go wrong. Default warn.</summary>
    public GuardAction Guards { get; init; } = GuardAction.Warn;

    /// <summary>Updates between saved states. Default 10.</summary>
    public int SaveEvery { get; init; } = 10;

    /// <summary>Responses of a prompt that are compared with each other.</summary>
    public abstract int GroupSize { get; }

    /// <summary>Whether the method needs log-probabilities under the reference.</summary>
    public abstract bool UsesReference { get; }

    int ITrainingHyperparameters.RowsOfAPass => MicroBatchSize == 0 ? BatchSize / MinibatchCount : MicroBatchSize;

    /// <inheritdoc/>
    public virtual IReadOnlyList<string> Validate()
    {
        var faults = new List<string>();
        Require(faults, Updates > 0, $"updates is {Updates}; it must be positive.");
        Require(faults, GroupSize > 0, $"num_generations is {GroupSize}; it must be positive.");
        Require(faults, BatchSize > 0 && BatchSize % Math.Max(1, GroupSize) == 0, $"batch_size is {BatchSize}; it must be a positive multiple of num_generations ({GroupSize}).");
        Require(faults, NumIterations > 0, $"num_iterations is {NumIterations}; it must be positive.");
        Require(faults, MinibatchCount > 0 && BatchSize % Math.Max(1, MinibatchCount) == 0, $"minibatch_count is {MinibatchCount}; it must be positive and divide batch_size ({BatchSize}).");
        Require(faults, MicroBatchSize >= 0, $"micro_batch_size is {MicroBatchSize}; it must be 0 (the whole minibatch) or positive.");
        Require(faults, LearningRate > 0, $"learning_rate is {LearningRate}; it must be positive.");
        Require(faults, WarmupUpdates >= 0 && WarmupUpdates < Math.Max(1, Updates), $"warmup_updates is {WarmupUpdates}; it must lie between 0 and updates − 1 ({Updates - 1}).");
        Require(faults, MaxGradNorm >= 0, $"max_grad_norm is {MaxGradNorm}; it must not be negative.");
        Require(faults, MaxNewTokens > 0, $"max_new_tokens is {MaxNewTokens}; it must be positive.");
        Require(faults, Temperature > 0, $"temperature is {Temperature}; it must be positive: equal responses cannot be told apart.");
        Require(faults, MissingEosPenalty >= 0, $"missing_eos_penalty is {MissingEosPenalty}; it must not be negative.");
        Require(faults, RatioTolerance > 0, $"ratio_tolerance is {RatioTolerance}; it must be positive.");
        Require(faults, EvaluateEvery >= 0, $"evaluate_every is {EvaluateEvery}; it must be 0 (never) or positive.");
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

    internal AdamWSettings Adam() => new() { Beta1 = AdamBeta1, Beta2 = AdamBeta2, Epsilon = AdamEpsilon, WeightDecay = WeightDecay };

    internal SamplingParameters Sampling() => new() { MaxNewTokens = MaxNewTokens, Temperature = Temperature };
}
