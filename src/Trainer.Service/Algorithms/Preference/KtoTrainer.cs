// B examples.
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Checkpointing;
using Rlhf.Training.Evaluation;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using Rlhf.Training.Offline;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Preference;

/// <summary>
/// Kahneman–Tversky optimisation (Ethayarajh et al. 2024): single answers called good or bad. The reference point is estimated from answers
/// paired with another example's prompt: example i's prompt with the completion of example i + 1.
/// </summary>
public sealed class KtoTrainer : OfflineTrainer<KtoConfig, UnpairedExample>
{
    private readonly IReadOnlyList<UnpairedExample> _heldOut;
    private readonly CompletionScorer _scorer;
    private readonly ReferenceLogprobs _reference;
    private readonly bool _isOwnReference;

    /// <summary>Checks the configuration and the data.</summary>
    /// <param name="config">The hyperparameters.</param>
    /// <param name="model">The starting policy, which is also the reference; trained in place. A resumed run is given the same one again.</param>
    /// <param name="training">The examples; at least two, as the reference point needs another example's completion.</param>
    /// <param name="heldOut">Examples for evaluation; may be empty, else at least two.</param>
    /// <param name="reference">Another reference; null: the starting policy, under an adapter the model without it.</param>
    /// <exception cref="HyperparametersException">If the configuration has faults.</exception>
    /// <exception cref="ArgumentException">If there are too few examples, or one is empty or does not fit the model.</exception>
    public KtoTrainer(
        KtoConfig config,
        CausalLanguageModel model,
        IReadOnlyList<UnpairedExample> training,
        IReadOnlyList<UnpairedExample>? heldOut = null,
        CausalLanguageModel? reference = null)
        : base(config, model, training)
    {
        ArgumentNullException.ThrowIfNull(model);
        _heldOut = heldOut ?? [];
        if (training.Count < 2 || _heldOut.Count == 1)
        {
            throw new ArgumentException("KTO needs at least two examples: the reference point pairs a prompt with another example's completion.", nameof(training));
        }

        _scorer = new CompletionScorer(model);
        _isOwnReference = reference is null;
        _reference = new ReferenceLogprobs(reference ?? model, config.BatchSize);
        foreach (var (name, examples) in new[] { ("training", training), ("held_out", _heldOut) })
        {
            _scorer.Check([.. examples.Select(e => (e.Prompt, e.Completion)), .. Mismatched(examples)], name);
            _reference.Add(name, [.. examples.Select(e => e.Prompt)], [.. examples.Select(e => e.Completion)]);
            _reference.Add(name + ".kl", [.. examples.Select(e => e.Prompt)], [.. Mismatched(examples).Select(m => m.Completion)]);
        }

        model.Bf16 = MixedPrecision.Use(config.Bf16, model);
        model.GradientCheckpointing = config.GradientCheckpointing;
    }

    /// <inheritdoc/>
    protected override bool HasHeldOut => _heldOut.Count > 0;

    /// <inheritdoc/>
    protected override void Begin(TrainingState? state)
    {
        using var original = _isOwnReference ? Adapter?.Disable() : null;
        _reference.Begin(state);
    }

    /// <inheritdoc/>
    protected override void Save(TrainingState state) => _reference.Save(state);

    /// <inheritdoc/>
    protected override long Backward(int[] batch, MetricSums sums)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var kl = Ranks.Sum(ReferencePoint(Training, "training.kl", batch.Length, MicroBatches(batch)));
        foreach (var microBatch in MicroBatches(batch))
        {
            using var scope = NewDisposeScope();
            var loss = Loss(Training, "training", microBatch, kl, batch.Length, sums, prefix: "");
            loss.backward();
        }

        return batch.Sum(i => (long)Training[i].Completion.Length);
    }

    /// <inheritdoc/>
    protected override void Evaluate(IDictionary<string, double> metrics)
    {
        var sums = new MetricSums();
        foreach (var rows in Enumerable.Range(0, _heldOut.Count).Chunk(Config.BatchSize))
        {
            using var scope = NewDisposeScope();
            Loss(_heldOut, "held_out", rows, ReferencePoint(_heldOut, "held_out.kl", rows.Length, [rows]), rows.Length, sums, prefix: "eval/");
        }

        sums.Report(metrics);
    }

    private static IEnumerable<(int[] Prompt, int[] Completion)> Mismatched(IReadOnlyList<UnpairedExample> examples) =>
        examples.Select((example, i) => (example.Prompt, examples[(i + 1) % examples.Count].Completion));

    // The mean over the whole batch, whatever its parts (of a part of them its share of the mean); it has no gradient (Ethayarajh et al. 2024, section 4.2).
    private double ReferencePoint(IReadOnlyList<UnpairedExample> examples, string name, int count, IEnumerable<int[]> parts)
    {
        if (Config.LossType != KtoLossType.Kto)
        {
            return 0;
        }

        using var noGrad = no_grad();
        double sum = 0;
        foreach (var part in parts)
        {
            using var scope = NewDisposeScope();
            var logprobs_B = _scorer.Sum([.. part.Select(i => examples[i].Prompt)], [.. part.Select(i => examples[(i + 1) % examples.Count].Completion)]);
            sum += (logprobs_B - _reference.Of(name, part)).sum().item<float>();
        }

        return sum / count;
    }

    private Tensor Loss(IReadOnlyList<UnpairedExample> examples, string name, int[] rows, double kl, int batchSize, MetricSums sums, string prefix)
    {
        var logprobs_B = _scorer.Sum([.. rows.Select(i => examples[i].Prompt)], [.. rows.Select(i => examples[i].Completion)]);
        var logRatios_B = logprobs_B - _reference.Of(name, rows);
        var isDesirable_B = tensor(rows.Select(i => examples[i].IsDesirable ? 1f : 0f).ToArray());
        var loss = KtoLoss.Compute(logRatios_B, isDesirable_B, kl, Config).sum() / batchSize;
        using var noGrad = no_grad();
        var rewards = (logRatios_B.detach() * Config.Beta).data<float>().ToArray();
        var logprobs = logprobs_B.detach().data<float>().ToArray();
        sums.Add(prefix.Length == 0 ? MetricNames.TrainLoss : MetricNames.EvaluationLoss, loss.item<float>() * (double)batchSize, rows.Length);
        sums.Add(prefix + MetricNames.KtoReferencePoint, Math.Max(kl, 0) * rows.Length, rows.Length);
        for (var i = 0; i < rows.Length; i++)
        {
            var isDesirable = examples[rows[i]].IsDesirable;
            sums.Add(prefix + (isDesirable ? MetricNames.ChosenRewards : MetricNames.RejectedRewards), rewards[i], 1);
            sums.Add(prefix + (isDesirable ? MetricNames.ChosenLogprobs : MetricNames.RejectedLogprobs), logprobs[i], 1);
        }

        return loss;
    }
}
