// N completions of all rankings, P pairs.
using TorchSharp;
using static TorchSharp.torch;

namespace RewardModel.Service.Training;

/// <summary>The loss of a batch of rankings from one score for each completion, so that each passes the model once.</summary>
/// <param name="type">Which loss.</param>
/// <param name="labelWeights">What a label counts for.</param>
/// <param name="margin">Margin of comparisons that bring none.</param>
/// <param name="centering">c of the centring term.</param>
/// <param name="nu">ν of Davidson's model.</param>
internal sealed class RankingLoss(RewardLossType type, LabelWeights labelWeights, double margin, double centering, double nu)
{
    /// <summary>What all labels of a batch count together: what the losses of its parts are divided by.</summary>
    public double TotalWeight(IEnumerable<RankedCompletions> batch) => batch.Sum(r => Weight(r) * Units(r));

    /// <summary>The share of some rankings in the loss of their batch; the shares of all its parts add up to the loss.</summary>
    /// <param name="scores_N">Scores of the completions, ranking after ranking, the best first [N].</param>
    /// <param name="rankings">The rankings.</param>
    /// <param name="totalWeight">Of the whole batch.</param>
    public Tensor Compute(Tensor scores_N, IReadOnlyList<RankedCompletions> rankings, double totalWeight)
    {
        var pairs = rankings.SelectMany(ComparisonsOf).ToArray();
        var starts = Starts(rankings);
        var first_P = scores_N.index_select(0, tensor(pairs.Select(p => (long)(starts[p.Ranking] + p.Better)).ToArray()));
        var second_P = scores_N.index_select(0, tensor(pairs.Select(p => (long)(starts[p.Ranking] + p.Worse)).ToArray()));
        var weights_P = Of(p => Weight(rankings[p.Ranking]) / totalWeight / (type == RewardLossType.BradleyTerry ? 1 : Count(rankings[p.Ranking])));
        Tensor Margins() => Of(p => p.IsTie ? 0 : rankings[p.Ranking].Margin ?? margin);
        switch (type)
        {
            case RewardLossType.BradleyTerry or RewardLossType.KWise:
                return BradleyTerryLoss.Compute(first_P, second_P, Of(p => p.IsTie ? 0.5 : 1), Margins(), centering, weights_P);
            case RewardLossType.Davidson:
                return DavidsonLoss.Compute(first_P, second_P, Of(p => p.IsTie ? 1 : 0), nu, Margins(), centering, weights_P);
            case RewardLossType.PlackettLuce:
                var orders = rankings.Select((r, i) => PlackettLuceLoss.Compute(scores_N.narrow(0, starts[i], r.Completions.Length)) * (Weight(r) / totalWeight));
                var loss = stack([.. orders]).sum();
                return centering == 0 ? loss : loss + (centering * (weights_P * (first_P + second_P).square()).sum());
            default:
                throw new System.Diagnostics.UnreachableException($"Unknown loss {type}.");
        }

        Tensor Of(Func<(int Ranking, int Better, int Worse, bool IsTie), double> number) => tensor(pairs.Select(number).ToArray()).to_type(scores_N.dtype);
    }

    private double Weight(RankedCompletions ranking) => labelWeights == LabelWeights.Agreement ? ranking.Agreement ?? 1 : 1;

    // What a ranking's weight is given to: each of its comparisons, or the ranking.
    private double Units(RankedCompletions ranking) => type == RewardLossType.BradleyTerry ? Count(ranking) : 1;

    private static double Count(RankedCompletions ranking) => ranking.Completions.Length * (ranking.Completions.Length - 1) / 2.0;

    private static IEnumerable<(int Ranking, int Better, int Worse, bool IsTie)> ComparisonsOf(RankedCompletions ranking, int index) =>
        ranking.Pairs().Select(p => (index, p.Better, p.Worse, p.IsTie));

    private static int[] Starts(IReadOnlyList<RankedCompletions> rankings)
    {
        var starts = new int[rankings.Count];
        for (var i = 1; i < starts.Length; i++)
        {
            starts[i] = starts[i - 1] + rankings[i - 1].Completions.Length;
        }

        return starts;
    }
}
