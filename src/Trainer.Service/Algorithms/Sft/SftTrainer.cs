using Rlhf.Modeling.Transformer;
using Rlhf.Training.Checkpointing;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using Rlhf.Training.Offline;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Sft;

/// <summary>Supervised fine-tuning on demonstrations: cross-entropy of the labels, given what stands before them.</summary>
public sealed class SftTrainer : OfflineTrainer<SftConfig, SftExample>
{
    private const string NoiseDraws = "neftune_draws";

    private readonly CausalLanguageModel _model;
    private readonly IReadOnlyList<SftExample> _heldOut;
    private readonly int _pad;
    private readonly int _capacity;
    private ulong _draws;

    /// <summary>Checks the configuration and the data.</summary>
    /// <param name="config">The hyperparameters.</param>
    /// <param name="model">The model; trained in place.</param>
    /// <param name="training">The demonstrations; at least one.</param>
    /// <param name="heldOut">Demonstrations for the evaluation at the end; may be empty.</param>
    /// <exception cref="HyperparametersException">If the configuration has faults.</exception>
    /// <exception cref="ArgumentException">If a demonstration has no prompt or no label, or does not fit the model.</exception>
    public SftTrainer(
        SftConfig config,
        CausalLanguageModel model,
        IReadOnlyList<SftExample> training,
        IReadOnlyList<SftExample>? heldOut = null)
        : base(config, model, training)
    {
        ArgumentNullException.ThrowIfNull(config);
        (_model, _heldOut) = (model, heldOut ?? []);
        if (config.MaxLength > model.Config.MaxPositionEmbeddings)
        {
            throw new HyperparametersException(
                nameof(SftConfig), [$"max_length is {config.MaxLength}; the model has {model.Config.MaxPositionEmbeddings} positions."]);
        }

        _capacity = config.MaxLength ?? model.Config.MaxPositionEmbeddings;
        foreach (var (example, i) in training.Concat(_heldOut).Select((example, i) => (example, i)))
        {
            var fault = example.Length > _capacity ? $"has {example.Length} tokens; a row holds {_capacity}"
                : example.Prompt.Length == 0 || example.LabelTokens == 0 ? "has no prompt or no label"
                : example.Labels is { } labels && labels.Length != example.Completion.Length ? $"has {labels.Length} marks for {example.Completion.Length} completion tokens"
                : null;
            if (fault is not null)
            {
                throw new ArgumentException($"Demonstration {i} {fault}.", nameof(training));
            }
        }

        _model.Bf16 = MixedPrecision.Use(config.Bf16, _model);
        _model.GradientCheckpointing = config.GradientCheckpointing;
        _pad = model.Config.PadTokenId ?? 0;
    }

    /// <inheritdoc/>
    protected override bool HasHeldOut => _heldOut.Count > 0;

    /// <summary>Mean nats per label on the held-out demonstrations, without noise.</summary>
    public double Evaluate()
    {
        using var noGrad = no_grad();
        double sum = 0;
        foreach (var examples in _heldOut.OrderBy(e => e.Length).Chunk(Config.BatchSize))
        {
            using var scope = NewDisposeScope();
            sum += SftLoss.Compute(_model, Batch(examples, noise: null), labelTokens: 1).item<float>();
        }

        return sum / _heldOut.Sum(e => e.LabelTokens);
    }

    /// <inheritdoc/>
    protected override void Begin(TrainingState? state) =>
        _draws = state is not null && Config.NeftuneNoiseAlpha is not null ? state.Counter(NoiseDraws) : 0;

    /// <inheritdoc/>
    protected override void Save(TrainingState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (Config.NeftuneNoiseAlpha is not null)
        {
            state.Counters[NoiseDraws] = _draws;
        }
    }

    /// <inheritdoc/>
    protected override long Backward(int[] batch, MetricSums sums)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(sums);
        var labelTokens = batch.Sum(i => Training[i].LabelTokens);
        var draw = _draws + (ulong)Ranks.Rank;
        foreach (var microBatch in MicroBatches(batch))
        {
            using var scope = NewDisposeScope();
            var examples = microBatch.Select(i => Training[i]).ToArray();
            var noise = Config.NeftuneNoiseAlpha is { } alpha
                ? new NeftuneNoise(alpha, Config.Seed, draw, _model.Config.WordEmbedProjDim ?? _model.Config.HiddenSize, Ranks.Size)
                : null;
            var loss = SftLoss.Compute(_model, Batch(examples, noise), labelTokens);
            loss.backward();
            draw += (ulong)(examples.Length * Ranks.Size);
            sums.Add(MetricNames.TrainLoss, loss.item<float>() * (double)labelTokens, examples.Sum(e => e.LabelTokens));
        }

        _draws += (ulong)batch.Length;
        return labelTokens;
    }

    /// <inheritdoc/>
    protected override void Evaluate(IDictionary<string, double> metrics)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        metrics[MetricNames.EvaluationLoss] = Evaluate();
    }

    private SftBatch Batch(IReadOnlyList<SftExample> examples, NeftuneNoise? noise) =>
        Config.Packing ? SftBatch.Packed(examples, _capacity, _pad, noise) : SftBatch.Padded(examples, _pad, noise);
}
