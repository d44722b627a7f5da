using RewardModel.Service.Training;
using Rlhf.Numerics;
using Rlhf.TestSupport;
using TorchSharp;
using static TorchSharp.torch;

namespace RewardModel.Service.Tests.Training;

/// <summary>Losses of rankings: reference numbers, hand calculations, gradients.</summary>
public sealed class RankingLossTests
{
    public static TheoryData<RewardLossType> Losses => [.. Enum.GetValues<RewardLossType>()];

    [Fact]
    [Trait("Category", "Parity")]
    public void KWiseAndPlackettLuce_FixtureRankings_GiveStatedLossAndGradient()
    {
        var file = JsonFixture.Load("fixtures", "algorithms", "reward_losses.json");
        var tolerance = file.GetProperty("tolerance_abs").GetDouble();
        foreach (var entry in file.GetProperty("rankings").EnumerateArray())
        {
            foreach (var (type, field) in new[] { (RewardLossType.KWise, "mean_over_all_pairs"), (RewardLossType.PlackettLuce, "plackett_luce") })
            {
                using var scope = NewDisposeScope();
                var scores = tensor(entry.GetProperty("scores_best_first").Numbers()).requires_grad_();

                var loss = Of(type, scores, [Ranking((int)scores.shape[0])]);
                loss.backward();

                Assert.Equal(entry.GetProperty(field).GetProperty("value").GetDouble(), loss.item<double>(), tolerance);
                foreach (var (expected, actual) in entry.GetProperty(field).GetProperty("gradient").GetProperty("scores").Numbers().Zip(scores.grad!.data<double>().ToArray()))
                {
                    Assert.Equal(expected, actual, tolerance);
                }
            }
        }
    }

    [Fact]
    [Trait("Category", "Parity")]
    public void BradleyTerry_TrlRewardTrainer_GivesItsLossAndGradient()
    {
        var reward = JsonFixture.Load("fixtures", "algorithms", "trl_reward_and_helpers.json").GetProperty("reward");
        var tolerance = reward.GetProperty("tolerance_abs").GetDouble();
        var (chosen, rejected, margins) = (reward.GetProperty("scores_chosen").Numbers(), reward.GetProperty("scores_rejected").Numbers(), reward.GetProperty("margins").Numbers());
        foreach (var entry in reward.GetProperty("cases").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            var scores = tensor(chosen.Zip(rejected).SelectMany(p => new[] { p.First, p.Second }).ToArray()).requires_grad_();
            var rankings = margins.Select(m => Ranking(2) with { Margin = entry.GetProperty("margin").GetBoolean() ? m : null }).ToArray();

            var loss = Of(RewardLossType.BradleyTerry, scores, rankings, entry.Optional("center_rewards_coefficient") ?? 0);
            loss.backward();

            Assert.Equal(entry.GetProperty("loss").GetDouble(), loss.item<double>(), tolerance);

            // TRL's order is all chosen, then all rejected.
            var gradient = scores.grad!.data<double>().ToArray();
            var expected = entry.GetProperty("gradient_of_loss_by_scores").Numbers();
            for (var i = 0; i < chosen.Length; i++)
            {
                Assert.Equal(expected[i], gradient[2 * i], tolerance);
                Assert.Equal(expected[i + chosen.Length], gradient[(2 * i) + 1], tolerance);
            }
        }
    }

    [Fact]
    public void PlackettLuce_ThreeScores_IsTheHandCalculation()
    {
        using var scope = NewDisposeScope();

        // Scores log 3, log 2, log 1: the best is drawn with 3/6, then the second with 2/3; −log(1/2 · 2/3) = log 3.
        Assert.Equal(Math.Log(3), PlackettLuceLoss.Compute(tensor(new[] { Math.Log(3), Math.Log(2), 0 })).item<double>(), 1e-12);
    }

    [Fact]
    public void Davidson_HandCalculation_AndOutcomesSumToOne()
    {
        using var scope = NewDisposeScope();

        // d = 2 log 2, so win : tie : loss = 2 : ν : ½ with ν = 1.5, together 4.
        var (first, second) = (tensor(new[] { 2 * Math.Log(2) }), tensor(new[] { 0.0 }));
        double P(Tensor a, Tensor b, double tie) => Math.Exp(-DavidsonLoss.Compute(a, b, tensor(new[] { tie }), nu: 1.5).item<double>());

        Assert.Equal(2 / 4.0, P(first, second, tie: 0), 1e-12);
        Assert.Equal(1.5 / 4, P(first, second, tie: 1), 1e-12);
        Assert.Equal(0.5 / 4, P(second, first, tie: 0), 1e-12);

        // Between equal scores ties have the share that ν was made from.
        Assert.Equal(0.2, Math.Exp(-DavidsonLoss.Compute(second, second, ones(1, float64), DavidsonLoss.NuOfTieShare(0.2)).item<double>()), 1e-12);
    }

    [Fact]
    public void Davidson_VanishingNu_IsBradleyTerry()
    {
        using var scope = NewDisposeScope();
        var (first, second) = (tensor(new[] { 0.3, -1, 40 }), tensor(new[] { 0.1, 2, -40 }));

        Assert.Equal(
            BradleyTerryLoss.Compute(first, second).item<double>(), DavidsonLoss.Compute(first, second, zeros_like(first), nu: 1e-15).item<double>(), 1e-12);
    }

    [Fact]
    public void Compute_TwoCompletions_AreTheSameUnderAllLossesButDavidson()
    {
        using var scope = NewDisposeScope();
        var scores = tensor(new[] { 1.2, 0.3, -0.4, 0.1 });
        RankedCompletions[] pairs = [Ranking(2), Ranking(2)];

        // −log σ(0.9) and −log σ(−0.5).
        var expected = (Math.Log(1 + Math.Exp(-0.9)) + Math.Log(1 + Math.Exp(0.5))) / 2;
        foreach (var type in new[] { RewardLossType.BradleyTerry, RewardLossType.KWise, RewardLossType.PlackettLuce })
        {
            Assert.Equal(expected, Of(type, scores, pairs).item<double>(), 1e-12);
        }
    }

    [Fact]
    public void KWise_RankingsOfDifferentLength_CountTheSame_BradleyTerryCountsComparisons()
    {
        using var scope = NewDisposeScope();

        // All scores equal: each comparison costs log 2 except in the first ranking, where the one comparison is lost by 3.
        var scores = tensor(new double[] { 0, 3, 0, 0, 0 });
        RankedCompletions[] rankings = [Ranking(2), Ranking(3)];
        var lost = Math.Log(1 + Math.Exp(3));

        Assert.Equal((lost + Math.Log(2)) / 2, Of(RewardLossType.KWise, scores, rankings).item<double>(), 1e-12);
        Assert.Equal((lost + (3 * Math.Log(2))) / 4, Of(RewardLossType.BradleyTerry, scores, rankings).item<double>(), 1e-12);
    }

    [Fact]
    public void LabelWeights_Agreement_WeighsRankings()
    {
        using var scope = NewDisposeScope();
        var scores = tensor(new[] { 1.0, 0, 0, 1 });
        RankedCompletions[] pairs = [Ranking(2) with { Agreement = 0.75 }, Ranking(2) with { Agreement = 0.25 }];
        var loss = new RankingLoss(RewardLossType.BradleyTerry, LabelWeights.Agreement, margin: 0, centering: 0, nu: 1);

        // −¾·log σ(1) − ¼·log σ(−1).
        Assert.Equal(1, loss.TotalWeight(pairs));
        Assert.Equal(
            (0.75 * Math.Log(1 + Math.Exp(-1))) + (0.25 * Math.Log(1 + Math.E)), loss.Compute(scores, pairs, loss.TotalWeight(pairs)).item<double>(), 1e-12);
    }

    [Theory]
    [MemberData(nameof(Losses))]
    public void Compute_Gradient_EqualsFiniteDifferences(RewardLossType type)
    {
        const double step = 1e-6;
        using var scope = NewDisposeScope();
        var random = new Philox(6);
        RankedCompletions[] rankings = [Ranking(4) with { Margin = 0.3 }, Ranking(2), Ranking(3) with { Agreement = 0.6, Ranks = type == RewardLossType.PlackettLuce ? [1, 2, 3] : [1, 2, 2] }];
        var values = Enumerable.Range(0, 9).Select(_ => random.NextNormal()).ToArray();
        double At(double[] scores) => Of(type, tensor(scores), rankings, centering: 0.01, LabelWeights.Agreement).item<double>();
        var scores = tensor(values).requires_grad_();
        Of(type, scores, rankings, centering: 0.01, LabelWeights.Agreement).backward();
        var analytic = scores.grad!.data<double>().ToArray();

        for (var i = 0; i < values.Length; i++)
        {
            var (up, down) = ((double[])values.Clone(), (double[])values.Clone());
            up[i] += step;
            down[i] -= step;
            Assert.Equal((At(up) - At(down)) / (2 * step), analytic[i], 1e-8);
        }
    }

    [Theory]
    [MemberData(nameof(Losses))]
    public void Compute_Parts_AddUpToTheBatch(RewardLossType type)
    {
        using var scope = NewDisposeScope();
        var scores = tensor(new[] { 0.5, -0.2, 1.1, 0.3, 0.9 });
        RankedCompletions[] rankings = [Ranking(3), Ranking(2)];
        var loss = new RankingLoss(type, LabelWeights.Uniform, margin: 0.1, centering: 0.01, nu: 0.8);
        var total = loss.TotalWeight(rankings);

        var parts = loss.Compute(scores.narrow(0, 0, 3), rankings[..1], total) + loss.Compute(scores.narrow(0, 3, 2), rankings[1..], total);

        Assert.Equal(loss.Compute(scores, rankings, total).item<double>(), parts.item<double>(), 1e-12);
    }

    private static Tensor Of(
        RewardLossType type, Tensor scores, RankedCompletions[] rankings, double centering = 0, LabelWeights weights = LabelWeights.Uniform)
    {
        var loss = new RankingLoss(type, weights, margin: 0, centering, nu: 0.7);
        return loss.Compute(scores, rankings, loss.TotalWeight(rankings));
    }

    private static RankedCompletions Ranking(int completions) =>
        new([2], [.. Enumerable.Range(0, completions).Select(i => (int[])[i + 2])], [.. Enumerable.Range(1, completions)]);
}
