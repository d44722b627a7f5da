using Rlhf.Modeling.Generation;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Optimization;
using Trainer.Service.Algorithms.Common;

namespace Trainer.Service.Algorithms.Ppo;

/// <summary>Whose arithmetic a PPO step follows where the references differ.</summary>
public enum PpoMode
{
    /// <summary>"The N+ implementation details of RLHF with PPO": a response without EOS has its score set, variances are biased.</summary>
    NPlus,

    /// <summary>TRL's PPO from 0.12 on: a response without EOS has a penalty subtracted, variances are unbiased.</summary>
    Trl,

    /// <summary>TRL's PPO up to 0.11: as trl, with the score on the last token of the response instead of one column after it, and values there only.</summary>
    TrlV0,
}

/// <summary>What a loss is averaged over.</summary>
public enum LossAveraging
{
    /// <summary>All real tokens of the minibatch count the same.</summary>
    AllTokens,

    /// <summary>All responses count the same: each one's mean first (N+ with micro-batches of one).</summary>
    MeanOfRows,
}

/// <summary>The hyperparameters of PPO for language models. Defaults are N+'s except where a summary says otherwise.</summary>
public sealed record PpoConfig : ITrainingHyperparameters
{
    /// <summary>Seed of prompts, sampling and minibatches. Default 1.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>U: rollouts, each followed by its epochs. Default 50 (N+: 1,953).</summary>
    public int Updates { get; init; } = 50;

    /// <summary>Episodes (prompt and response) of a rollout. Default 64 (N+: 512).</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>K: passes over a rollout. Default 4.</summary>
    public int Epochs { get; init; } = 4;

    /// <summary>Optimizer steps of a pass; must divide the batch. Default 1.</summary>
    public int MinibatchCount { get; init; } = 1;

    /// <summary>Episodes of one forward and backward pass; gradients are summed. 0 is the whole minibatch. Default 0.</summary>
    public int MicroBatchSize { get; init; }

    /// <summary>Learning rate at the start. Default 1e-5 (N+: 3e-6 for models of a billion parameters).</summary>
    public double LearningRate { get; init; } = 1e-5;

    /// <summary>Shape of the learning rate over updates. Default linear to zero.</summary>
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

    /// <summary>ε of AdamW. Default 1e-5.</summary>
    public double AdamEpsilon { get; init; } = 1e-5;

    /// <summary>Where ε is added. Default PyTorch's place (OpenAI 2019: TensorFlow's, with gentler first steps).</summary>
    public AdamEpsilonStyle AdamEpsilonStyle { get; init; } = AdamEpsilonStyle.Pytorch;

    /// <summary>Decoupled weight decay. Default 0.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Gradients of policy and critic together are scaled down to this norm; 0 leaves them. Default 1 (N+: none; TRL: 1).</summary>
    public double MaxGradNorm { get; init; } = 1.0;

    /// <summary>
    /// Mixed precision: products of matrices take bfloat16 factors where the hardware multiplies them faster, everything else is single
    /// precision. Default false.
    /// </summary>
    public bool Bf16 { get; init; }

    /// <summary>β, the weight of the KL penalty. Default 0.05.</summary>
    public double KlCoefficient { get; init; } = 0.05;

    /// <summary>The per-token estimate that is penalised. Default k1.</summary>
    public KlEstimator KlEstimator { get; init; } = KlEstimator.K1;

    /// <summary>
    /// Whether the penalty is a term of the loss, with a gradient of its own, instead of a part of the reward (verl's and OpenRLHF's name). Default false.
    /// </summary>
    public bool UseKlLoss { get; init; }

    /// <summary>The KL, in nats per episode, that β follows; null keeps β fixed. Default null (OpenAI 2019: 6).</summary>
    public double? KlTarget { get; init; }

    /// <summary>Episodes over which β can move by a fifth, where it follows a target. Default 10,000.</summary>
    public double KlHorizon { get; init; } = 10_000;

    /// <summary>γ, the discount per token. Default 1.</summary>
    public double Gamma { get; init; } = 1.0;

    /// <summary>λ of generalised advantage estimation. Default 0.95.</summary>
    public double Lambda { get; init; } = 0.95;

    /// <summary>ε of the clipped surrogate: ratios outside [1 − ε, 1 + ε] earn nothing more. Default 0.2.</summary>
    public double ClipRange { get; init; } = 0.2;

    /// <summary>Values move at most this far from the rollout's before their loss is clipped. Default 0.2.</summary>
    public double ValueClipRange { get; init; } = 0.2;

    /// <summary>c₁, the weight of the value loss. Default 0.1.</summary>
    public double ValueCoefficient { get; init; } = 0.1;

    /// <summary>
    /// γ of Ouyang et al. 2022, equation 2: the weight of the language-model loss on pretraining texts that every optimizer step adds (PPO-ptx), nats
    /// per token. Default 0 (InstructGPT: 27.8).
    /// </summary>
    public double PtxCoefficient { get; init; }

    /// <summary>Pretraining texts of an optimizer step. Default 8.</summary>
    public int PtxBatchSize { get; init; } = 8;

    /// <summary>
    /// Whether the critic is a value head on the policy's own trunk (TRL's AutoModelForCausalLMWithValueHead; Ziegler et al. 2019) instead of a model of
    /// its own: about half the work and memory of training, but both losses pull at the same weights. Default false.
    /// </summary>
    public bool ValueHead { get; init; }

    /// <summary>Whether rewards are scaled to variance 1, their mean kept. Default false.</summary>
    public bool WhitenRewards { get; init; }

    /// <summary>Whose arithmetic the step follows. Default N+.</summary>
    public PpoMode Mode { get; init; } = PpoMode.NPlus;

    /// <summary>What the losses are averaged over. Default all tokens.</summary>
    public LossAveraging Averaging { get; init; } = LossAveraging.AllTokens;

    /// <summary>N+ mode: the score of a response without EOS. Default −1.</summary>
    public double MissingEosScore { get; init; } = -1.0;

    /// <summary>TRL modes: what a response without EOS loses. Default 1.</summary>
    public double MissingEosPenalty { get; init; } = 1.0;

    /// <summary>Longest response, tokens. Default 64 (N+: 53).</summary>
    public int MaxNewTokens { get; init; } = 64;

    /// <summary>Sampling temperature; log-probabilities of training are taken at the same. Default 1 (N+: 0.7).</summary>
    public double Temperature { get; init; } = 1.0;

    /// <summary>
    /// Largest |ρ − 1| that the first minibatch of an update may show. A larger one means that rollout and training disagree
    /// on the model, and stops the run. Default 1e-5.
    /// </summary>
    public double RatioTolerance { get; init; } = 1e-5;

    /// <summary>Held-out prompts that the starting and the final policy answer to measure the gain in reward; 0 measures none. Default 64.</summary>
    public int EvaluationPrompts { get; init; } = 64;

    /// <summary>Updates between measurements on held-out prompts, where the run has some; 0 measures never. Default 0.</summary>
    public int EvaluateEvery { get; init; }

    /// <summary>What happens when a guard sees the run go wrong. Default warn.</summary>
    public GuardAction Guards { get; init; } = GuardAction.Warn;

    /// <summary>Updates between saved states. Default 10.</summary>
    public int SaveEvery { get; init; } = 10;

    /// <summary>Episodes of one optimizer step.</summary>
    public int MinibatchSize => BatchSize / MinibatchCount;

    /// <summary>The mode's divisor of variances.</summary>
    public VarianceKind Variance => Mode == PpoMode.NPlus ? VarianceKind.Biased : VarianceKind.Unbiased;

    int ITrainingHyperparameters.RowsOfAPass => MicroBatchSize == 0 ? MinibatchSize : MicroBatchSize;

    /// <inheritdoc/>
    public IReadOnlyList<string> Validate()
    {
        var faults = new List<string>();
        Require(Updates > 0, $"updates is {Updates}; it must be positive.");
        Require(BatchSize > 0, $"batch_size is {BatchSize}; it must be positive.");
        Require(Epochs > 0, $"epochs is {Epochs}; it must be positive.");
        Require(
            MinibatchCount > 0 && BatchSize % Math.Max(1, MinibatchCount) == 0,
            $"minibatch_count is {MinibatchCount}; it must be positive and divide batch_size ({BatchSize}).");
        Require(MicroBatchSize >= 0, $"micro_batch_size is {MicroBatchSize}; it must be 0 (the whole minibatch) or positive.");
        Require(LearningRate > 0, $"learning_rate is {LearningRate}; it must be positive.");
        Require(WarmupUpdates >= 0 && WarmupUpdates < Math.Max(1, Updates), $"warmup_updates is {WarmupUpdates}; it must lie between 0 and updates − 1 ({Updates - 1}).");
        Require(MaxGradNorm >= 0, $"max_grad_norm is {MaxGradNorm}; it must not be negative.");
        Require(KlCoefficient >= 0, $"kl_coefficient is {KlCoefficient}; it must not be negative.");
        Require(KlTarget is null or > 0, $"kl_target is {KlTarget}; it must be positive, or null for a fixed coefficient.");
        Require(KlHorizon > 0, $"kl_horizon is {KlHorizon}; it must be positive.");
        Require(Gamma is >= 0 and <= 1, $"gamma is {Gamma}; it must lie in [0, 1].");
        Require(Lambda is >= 0 and <= 1, $"lambda is {Lambda}; it must lie in [0, 1].");
        Require(ClipRange is > 0 and < 1, $"clip_range is {ClipRange}; it must lie in (0, 1).");
        Require(ValueClipRange > 0, $"value_clip_range is {ValueClipRange}; it must be positive.");
        Require(ValueCoefficient >= 0, $"value_coefficient is {ValueCoefficient}; it must not be negative.");
        Require(double.IsFinite(MissingEosScore), $"missing_eos_score is {MissingEosScore}; it must be finite.");
        Require(MissingEosPenalty >= 0, $"missing_eos_penalty is {MissingEosPenalty}; it must not be negative.");
        Require(MaxNewTokens > 0, $"max_new_tokens is {MaxNewTokens}; it must be positive.");
        Require(Temperature > 0, $"temperature is {Temperature}; it must be positive: greedy responses carry no information about their neighbours.");
        Require(RatioTolerance > 0, $"ratio_tolerance is {RatioTolerance}; it must be positive.");
        Require(EvaluationPrompts >= 0, $"evaluation_prompts is {EvaluationPrompts}; it must not be negative.");
        Require(!UseKlLoss || KlEstimator != KlEstimator.Full, "kl_estimator is full; the loss takes k1, k2, k3 or abs (use_kl_loss).");
        Require(PtxCoefficient >= 0, $"ptx_coefficient is {PtxCoefficient}; it must not be negative.");
        Require(PtxBatchSize > 0, $"ptx_batch_size is {PtxBatchSize}; it must be positive.");
        Require(EvaluateEvery >= 0, $"evaluate_every is {EvaluateEvery}; it must be 0 (never) or positive.");
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
        EpsilonStyle = AdamEpsilonStyle,
        WeightDecay = WeightDecay,
    };

    internal SamplingParameters Sampling() => new() { MaxNewTokens = MaxNewTokens, Temperature = Temperature };
}
