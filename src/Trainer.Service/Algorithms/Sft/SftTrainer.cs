// B demonstrations, L tokens.
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Batching;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using Rlhf.Training.Offline;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Sft;

/// <summary>Supervised fine-tuning on demonstrations: cross-entropy of the completion, given the prompt.</summary>
public sealed class SftTrainer : OfflineTrainer<SftConfig, SftExample>
{
    private readonly CausalLanguageModel _model;
    private readonly IReadOnlyList<SftExample> _heldOut;
    private readonly int _pad;

    /// <summary>Checks the configuration and the data.</summary>
    /// <param name="config">The hyperparameters.</param>
    /// <param name="model">The model; trained in place.</param>
    /// <param name="training">The demonstrations; at least one.</param>
    /// <param name="heldOut">Demonstrations for the evaluation at the end; may be empty.</param>
    /// <exception cref="HyperparametersException">If the configuration has faults.</exception>
    /// <exception cref="ArgumentException">If a demonstration does not fit the model.</exception>
    public SftTrainer(
        SftConfig config,
        CausalLanguageModel model,
        IReadOnlyList<SftExample> training,
        IReadOnlyList<SftExample>? heldOut = null)
        : base(config, model, training)
    {
        (_model, _heldOut) = (model, heldOut ?? []);
        var longest = training.Concat(_heldOut).Max(e => e.Prompt.Length + e.Completion.Length);
        if (longest > model.Config.MaxPositionEmbeddings)
        {
            throw new ArgumentException($"A demonstration has {longest} tokens; the model has {model.Config.MaxPositionEmbeddings} positions.", nameof(training));
        }

        _model.Bf16 = config.Bf16;
        _model.GradientCheckpointing = config.GradientCheckpointing;
        _pad = model.Config.PadTokenId ?? 0;
    }

    /// <inheritdoc/>
    protected override bool HasHeldOut => _heldOut.Count > 0;

    /// <summary>Mean nats per completion token on the held-out demonstrations.</summary>
    public double Evaluate()
    {
        using var noGrad = no_grad();
        double sum = 0;
        foreach (var examples in _heldOut.OrderBy(e => e.Prompt.Length + e.Completion.Length).Chunk(Config.BatchSize))
        {
            using var scope = NewDisposeScope();
            sum += SftLoss.Compute(_model, Batch(examples), labelTokens: 1).item<float>();
        }

        return sum / _heldOut.Sum(e => e.Completion.Length);
    }

    /// <inheritdoc/>
    protected override long Backward(int[] batch, MetricSums sums)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(sums);
        var labelTokens = batch.Sum(i => Training[i].Completion.Length);
        foreach (var microBatch in MicroBatches(batch))
        {
            using var scope = NewDisposeScope();
            var examples = microBatch.Select(i => Training[i]).ToArray();
            var loss = SftLoss.Compute(_model, Batch(examples), labelTokens);
            loss.backward();
            sums.Add(MetricNames.TrainLoss, loss.item<float>() * (double)labelTokens, examples.Sum(e => e.Completion.Length));
        }

        return labelTokens;
    }

    /// <inheritdoc/>
    protected override void Evaluate(IDictionary<string, double> metrics)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        metrics[MetricNames.EvaluationLoss] = Evaluate();
    }

    private PromptResponseBatch Batch(IReadOnlyList<SftExample> examples) =>
        PromptResponseBatch.Create([.. examples.Select(e => e.Prompt)], [.. examples.Select(e => e.Completion)], _pad);
}
