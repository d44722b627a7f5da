// N completions of all rankings of a batch.
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Training.Checkpointing;
using Rlhf.Training.Evaluation;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using Rlhf.Training.Offline;
using TorchSharp;
using static TorchSharp.torch;

namespace RewardModel.Service.Training;

/// <summary>
/// Trains one reward model on comparisons or rankings (Stiennon et al. 2020, section 3.4; Ouyang et al. 2022, section 3.5): a language model's
/// body with a scalar head, the score at the last token of prompt and completion. <see cref="RewardModelTraining"/> trains ensembles of them.
/// </summary>
public sealed class RewardModelTrainer : OfflineTrainer<RewardModelConfig, RankedCompletions>
{
    private readonly ScalarHeadModel _model;
    private readonly IReadOnlyList<RankedCompletions> _heldOut;
    private readonly RankingLoss _loss;
    private readonly RankingLoss _evaluationLoss;
    private readonly int _pad;

    /// <summary>Checks the configuration and the data.</summary>
    /// <param name="config">The hyperparameters; an ensemble is no matter of this class.</param>
    /// <param name="model">The model, usually made from the policy with a new head; trained in place.</param>
    /// <param name="training">What to learn from; at least one ranking.</param>
    /// <param name="heldOut">Rankings of prompts that are not in training, for evaluation; may be empty.</param>
    /// <exception cref="HyperparametersException">If the configuration has faults.</exception>
    /// <exception cref="ArgumentException">If an example does not fit the model or the loss.</exception>
    public RewardModelTrainer(
        RewardModelConfig config, ScalarHeadModel model, IReadOnlyList<RankedCompletions> training, IReadOnlyList<RankedCompletions> heldOut)
        : base(config, model, training)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(heldOut);
        Check(config, model, training, "training");
        Check(config, model, heldOut, "held-out");
        (_model, _heldOut) = (model, heldOut);
        _model.Bf16 = MixedPrecision.Use(config.Bf16, _model);
        _model.GradientCheckpointing = config.GradientCheckpointing;

        // While training, scores are the head's own; the bias is fixed afterwards.
        _model.ScoreBias = 0;
        _pad = model.Config.PadTokenId ?? 0;
        var nu = config.DavidsonNu ?? DavidsonLoss.NuOfTieShare(TieShare(training));
        _loss = new RankingLoss(config.Loss, config.LabelWeights, config.Margin, config.CenterRewardsCoefficient, nu);
        _evaluationLoss = new RankingLoss(config.Loss, LabelWeights.Uniform, margin: 0, centering: 0, nu);
    }

    /// <inheritdoc/>
    protected override bool HasHeldOut => _heldOut.Count > 0;

    /// <summary>Loss and accuracy on the held-out rankings with the model as it is.</summary>
    public RewardModelEvaluation Evaluate()
    {
        using var noGrad = no_grad();
        return Evaluate(_heldOut, SequenceScorer.Score(_model, Sequences(_heldOut), _pad));
    }

    /// <summary>The same from scores that are at hand.</summary>
    /// <param name="rankings">The rankings.</param>
    /// <param name="scores">The scores of their completions, in the order of <see cref="Sequences"/>.</param>
    internal RewardModelEvaluation Evaluate(IReadOnlyList<RankedCompletions> rankings, float[] scores)
    {
        if (rankings.Count == 0)
        {
            return RewardModelEvaluation.Nothing;
        }

        using var scope = NewDisposeScope();
        var unweighted = rankings.Select(r => r with { Margin = null }).ToArray();
        var loss = _evaluationLoss.Compute(tensor(scores), unweighted, _evaluationLoss.TotalWeight(unweighted)).item<float>();
        var decided = Comparisons(rankings, scores).Where(c => !c.IsTie).ToArray();
        var accuracy = PreferenceAccuracy.Measure([.. decided.Select(c => c.Better)], [.. decided.Select(c => c.Worse)]);
        var human = rankings.Where(r => !r.IsTie).Select(r => r.HumanAgreement).OfType<double>().ToArray();
        return new RewardModelEvaluation(loss, accuracy, decided.Length, human.Length == 0 ? null : human.Average());
    }

    /// <summary>Prompt and completion of every completion, ranking after ranking.</summary>
    internal static int[][] Sequences(IEnumerable<RankedCompletions> rankings) =>
        [.. rankings.SelectMany(r => r.Completions.Select(c => (int[])[.. r.Prompt, .. c]))];

    /// <summary>The scores of the two sides of every comparison.</summary>
    internal static IEnumerable<(float Better, float Worse, bool IsTie)> Comparisons(IReadOnlyList<RankedCompletions> rankings, float[] scores)
    {
        var start = 0;
        foreach (var ranking in rankings)
        {
            foreach (var (better, worse, isTie) in ranking.Pairs())
            {
                yield return (scores[start + better], scores[start + worse], isTie);
            }

            start += ranking.Completions.Length;
        }
    }

    /// <inheritdoc/>
    protected override long Backward(int[] batch, MetricSums sums)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(sums);
        var totalWeight = _loss.TotalWeight(batch.Select(i => Training[i]));
        var batchLoss = 0.0;
        foreach (var microBatch in MicroBatches(batch))
        {
            using var scope = NewDisposeScope();
            var rankings = microBatch.Select(i => Training[i]).ToArray();
            var sequences = Sequences(rankings);
            var scores_N = SequenceScorer.ScoreWithGradient(_model, sequences, _pad);
            var loss = _loss.Compute(scores_N, rankings, totalWeight);
            loss.backward();
            batchLoss += loss.item<float>();
            foreach (var (better, worse, isTie) in Comparisons(rankings, scores_N.detach().data<float>().ToArray()))
            {
                sums.Add(MetricNames.RewardMargin, better - worse, 1);
                sums.Add(MetricNames.RewardAccuracy, better.CompareTo(worse) switch { > 0 => 1.0, 0 => 0.5, _ => 0.0 } * (isTie ? 0 : 1), isTie ? 0 : 1);
            }
        }

        // The batch counts once, however many ranks share it.
        sums.Add(MetricNames.RewardLoss, batchLoss, Ranks.IsMain ? 1 : 0);
        return Sequences([.. batch.Select(i => Training[i])]).Sum(s => (long)s.Length);
    }

    /// <inheritdoc/>
    protected override void Evaluate(IDictionary<string, double> metrics) => Evaluate().Report(metrics);

    private static double TieShare(IReadOnlyList<RankedCompletions> training)
    {
        var pairs = training.SelectMany(r => r.Pairs()).ToArray();

        // Half a tie and half a win are added, so that ν is positive and finite without any.
        return (pairs.Count(p => p.IsTie) + 0.5) / (pairs.Length + 1);
    }

    private static void Check(RewardModelConfig config, ScalarHeadModel model, IReadOnlyList<RankedCompletions> rankings, string what)
    {
        for (var i = 0; i < rankings.Count; i++)
        {
            var fault = rankings[i].Fault(model.Config.MaxPositionEmbeddings)
                ?? (config.Loss == RewardLossType.PlackettLuce && rankings[i].Ranks.Distinct().Count() < rankings[i].Ranks.Length
                    ? "has a tie, which plackett_luce does not know: take davidson, k_wise or bradley_terry"
                    : null);
            if (fault is not null)
            {
                throw new ArgumentException($"Example {i + 1} of the {what} rankings {fault}.", nameof(rankings));
            }
        }
    }
}
