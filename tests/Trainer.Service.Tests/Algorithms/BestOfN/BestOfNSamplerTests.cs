using Rlhf.Modeling.Generation;
using Rlhf.Numerics;
using Rlhf.Training.Evaluation;
using Rlhf.Modeling.Heads;
using Trainer.Service.Algorithms.BestOfN;
using Trainer.Service.Algorithms.Common;
using static TorchSharp.torch;
using Generator = Rlhf.Modeling.Generation.Generator;

namespace Trainer.Service.Tests.Algorithms.BestOfN;

public sealed class BestOfNSamplerTests
{
    private static readonly int[][] Prompts = [[2, 3], [4]];

    private static readonly SamplingParameters Sampling = new() { MaxNewTokens = 6, Temperature = 1 };

    // log 1 − 0, log 2 − ½, log 16 − 15/16.
    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 0.1931471805599453)]
    [InlineData(16, 1.8350887222397811)]
    public void KlBound_IsTheHandCalculation(int n, double expected) => Assert.Equal(expected, BestOfNSampler.KlBound(n), 1e-12);

    [Fact]
    public void Sample_Responses_AreThoseOfTheGeneratorBestFirst()
    {
        using var scope = NewDisposeScope();
        var generator = new Generator(TinyModels.Policy());

        var best = new BestOfNSampler(generator, Share).Sample(Prompts, n: 8, Sampling, seed: 3, TestContext.Current.CancellationToken);

        var plain = generator.Generate(Prompts, Sampling with { NumReturnSequences = 8 }, 3).Select(s => s.Ids).ToArray();
        Assert.Equal(2, best.Count);
        for (var p = 0; p < 2; p++)
        {
            Assert.Equal(best[p].Select(r => r.Score).OrderDescending(), best[p].Select(r => r.Score));
            Assert.Equal(plain.Skip(8 * p).Take(8).Order(Comparer<int[]>.Create(Compare)), best[p].Select(r => r.Sequence.Ids).Order(Comparer<int[]>.Create(Compare)));
            Assert.All(best[p], r => Assert.Equal(Share([], [r.Sequence.Ids])[0], r.Score));
        }
    }

    // The mean best of n rises with n: that is what best-of-n is for.
    [Fact]
    public void Sample_MoreResponses_HaveABetterBest()
    {
        using var scope = NewDisposeScope();
        var sampler = new BestOfNSampler(new Generator(TinyModels.Policy()), Share);
        double Best(int n) => Enumerable.Range(0, 20).Average(seed => sampler.Sample([[2, 3]], n, Sampling, (ulong)seed)[0][0].Score);

        var (one, four, sixteen) = (Best(1), Best(4), Best(16));

        Assert.True(one < four && four < sixteen, $"{one:f3}, {four:f3}, {sixteen:f3}");
    }

    [Fact]
    public void Sample_Greedy_IsRefused()
    {
        using var scope = NewDisposeScope();
        var sampler = new BestOfNSampler(new Generator(TinyModels.Policy()), Share);

        Assert.Throws<ArgumentException>(() => sampler.Sample(Prompts, 2, Sampling with { Temperature = 0 }, 1));
    }

    [Fact]
    public void WeightedSum_OfEnsembleAndFunction_AddsUp()
    {
        using var scope = NewDisposeScope();
        var policy = TinyModels.Policy();
        ScalarHeadModel[] members = [TinyModels.Critic(policy, 2), TinyModels.Critic(policy, 3)];
        using var ensemble = new RewardEnsemble(members, uncertaintyPenalty: 0.5);
        int[][] responses = [[5, 5, 1], [7, 1]];

        var sum = ScoreResponsesWith.WeightedSum([(ScoreResponsesWith.Ensemble(ensemble), 2), (Share, -1)])(Prompts, responses);

        // The two members' scores a and b: mean (a + b)/2, deviation |a − b|/2.
        for (var i = 0; i < 2; i++)
        {
            var (a, b) = (ScoreResponsesWith.Model(members[0])(Prompts, responses)[i], ScoreResponsesWith.Model(members[1])(Prompts, responses)[i]);
            Assert.Equal((2 * (((a + b) / 2) - (0.5f * Math.Abs(a - b) / 2))) - Share([], responses)[i], sum[i], 1e-5f);
        }
    }

    private static int Compare(int[]? a, int[]? b) => string.CompareOrdinal(string.Join(' ', a!), string.Join(' ', b!));

    private static IReadOnlyList<float> Share(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> responses) =>
        [.. responses.Select(r => r.Count(t => t == 5) / (float)r.Length)];
}
