// P pairs.
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Evaluation;
using Rlhf.Training.Metrics;
using Rlhf.Training.Offline;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Preference;

/// <summary>What DPO, ORPO and SimPO have in common: pairs, their log-probabilities in one rectangle, and TRL's metrics about them.</summary>
/// <typeparam name="TConfig">The method's hyperparameters.</typeparam>
public abstract class PairTrainer<TConfig> : OfflineTrainer<TConfig, PreferenceExample>
    where TConfig : OfflineTrainingConfig
{
    private readonly IReadOnlyList<PreferenceExample> _heldOut;
    private double? _firstChosenLogprob;

    private protected PairTrainer(
        TConfig config, CausalLanguageModel model, IReadOnlyList<PreferenceExample> training, IReadOnlyList<PreferenceExample>? heldOut)
        : base(config, model, training)
    {
        ArgumentNullException.ThrowIfNull(model);
        _heldOut = heldOut ?? [];
        Scorer = new CompletionScorer(model);
        foreach (var (examples, name) in new[] { (training, nameof(training)), (_heldOut, nameof(heldOut)) })
        {
            Scorer.Check([.. examples.Select(e => (e.Prompt, e.Chosen)), .. examples.Select(e => (e.Prompt, e.Rejected))], name);
        }

        model.Bf16 = MixedPrecision.Use(config.Bf16, model);
        model.GradientCheckpointing = config.GradientCheckpointing;
    }

    /// <inheritdoc/>
    protected sealed override bool HasHeldOut => _heldOut.Count > 0;

    private protected CompletionScorer Scorer { get; }

    private protected IReadOnlyList<PreferenceExample> HeldOut => _heldOut;

    /// <inheritdoc/>
    protected sealed override long Backward(int[] batch, MetricSums sums)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var pairs = new BatchTotals(batch.Length, batch.Sum(i => Training[i].Chosen.Length));
        foreach (var microBatch in MicroBatches(batch))
        {
            using var scope = NewDisposeScope();
            var examples = microBatch.Select(i => Training[i]).ToArray();
            var logprobs = Logprobs(examples, Reference(microBatch, heldOut: false));
            var loss = Loss(logprobs, pairs);
            loss.backward();
            Record(logprobs, loss, examples.Length, pairs, sums, prefix: "");
        }

        return batch.Sum(i => Training[i].Chosen.Length + (long)Training[i].Rejected.Length);
    }

    /// <inheritdoc/>
    protected sealed override void Evaluate(IDictionary<string, double> metrics)
    {
        var sums = new MetricSums();
        foreach (var rows in Enumerable.Range(0, _heldOut.Count).Chunk(Config.BatchSize))
        {
            using var scope = NewDisposeScope();
            var examples = rows.Select(i => _heldOut[i]).ToArray();
            var totals = new BatchTotals(examples.Length, examples.Sum(e => e.Chosen.Length));
            var logprobs = Logprobs(examples, Reference(rows, heldOut: true));
            Record(logprobs, Loss(logprobs, totals), examples.Length, totals, sums, prefix: "eval/");
        }

        sums.Report(metrics);
    }

    /// <inheritdoc/>
    protected override void Watch(int step, IReadOnlyDictionary<string, double> metrics)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        if (metrics.TryGetValue(MetricNames.ChosenLogprobs, out var logprob))
        {
            _firstChosenLogprob ??= logprob;
            PreferenceGuards.WarnOfFallingChosen(_firstChosenLogprob.Value, logprob, step, Warn);
        }
    }

    /// <summary>The loss of a micro-batch, such that the sum over micro-batches is the batch's loss.</summary>
    private protected abstract Tensor Loss(PairLogprobs pairs, BatchTotals totals);

    /// <summary>The method's implicit reward from what a pair looks like, for the metrics.</summary>
    private protected abstract (Tensor Chosen_P, Tensor Rejected_P) Rewards(PairLogprobs pairs);

    /// <summary>Reference log-probabilities of pairs; null for methods without a reference.</summary>
    private protected virtual (Tensor Chosen_P, Tensor Rejected_P)? Reference(int[] rows, bool heldOut) => null;

    /// <summary>Weight of the tokens by which a completion is longer than the other of its pair.</summary>
    private protected virtual double TailWeight => 1;

    /// <summary>The length both completions of each pair have; null where the tokens after it count in full.</summary>
    private protected int[]? TailFrom(IReadOnlyList<PreferenceExample> examples) =>
        TailWeight == 1 ? null : [.. examples.Select(e => Math.Min(e.Chosen.Length, e.Rejected.Length))];

    private PairLogprobs Logprobs(PreferenceExample[] examples, (Tensor Chosen_P, Tensor Rejected_P)? reference)
    {
        // All chosen, then all rejected, in one rectangle.
        var tailFrom = TailFrom(examples);
        var sums = Scorer.Sum(
            [.. examples.Select(e => e.Prompt), .. examples.Select(e => e.Prompt)],
            [.. examples.Select(e => e.Chosen), .. examples.Select(e => e.Rejected)],
            tailFrom is null ? null : [.. tailFrom, .. tailFrom],
            TailWeight);
        return new PairLogprobs(
            sums.narrow(0, 0, examples.Length),
            sums.narrow(0, examples.Length, examples.Length),
            tensor(examples.Select(e => (float)e.Chosen.Length).ToArray()),
            tensor(examples.Select(e => (float)e.Rejected.Length).ToArray()),
            reference?.Chosen_P,
            reference?.Rejected_P);
    }

    private void Record(PairLogprobs pairs, Tensor loss, int count, BatchTotals totals, MetricSums sums, string prefix)
    {
        using var noGrad = no_grad();
        var (chosen_P, rejected_P) = Rewards(pairs);

        // Micro-batches' losses add up to the batch's: weighted by pairs, reports average batches.
        sums.Add(prefix.Length == 0 ? MetricNames.TrainLoss : MetricNames.EvaluationLoss, loss.item<float>() * (double)totals.Pairs, count);
        sums.Add(prefix + MetricNames.ChosenRewards, Total(chosen_P), count);
        sums.Add(prefix + MetricNames.RejectedRewards, Total(rejected_P), count);
        sums.Add(prefix + MetricNames.RewardMargins, Total(chosen_P - rejected_P), count);
        sums.Add(prefix + MetricNames.RewardAccuracies, Total(chosen_P.gt(rejected_P).to_type(float32)), count);
        sums.Add(prefix + MetricNames.ChosenLogprobs, Total(pairs.Chosen_P), count);
        sums.Add(prefix + MetricNames.RejectedLogprobs, Total(pairs.Rejected_P), count);

        static double Total(Tensor values_P) => values_P.detach().sum().item<float>();
    }
}

/// <summary>Counts over a whole batch, by which a micro-batch's share is divided.</summary>
/// <param name="Pairs">Pairs.</param>
/// <param name="ChosenTokens">Tokens of the chosen completions.</param>
internal sealed record BatchTotals(int Pairs, int ChosenTokens);
