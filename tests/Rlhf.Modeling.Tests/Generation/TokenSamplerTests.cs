using Rlhf.Modeling.Generation;
using Rlhf.Numerics;

namespace Rlhf.Modeling.Tests.Generation;

public sealed class TokenSamplerTests
{
    /// <summary>Probabilities 0.4, 0.3, 0.2, 0.1 at ids 2, 0, 3, 1.</summary>
    private static readonly float[] Logits = [MathF.Log(0.3f), MathF.Log(0.1f), MathF.Log(0.4f), MathF.Log(0.2f)];

    [Fact]
    public void Sample_Greedy_TakesTheBestWithItsLogprob()
    {
        var (token, logprob) = Sample(Logits, new SamplingParameters { Temperature = 0 });
        Assert.Equal(2, token);
        Assert.Equal(MathF.Log(0.4f), logprob, 1e-6f);
    }

    [Fact]
    public void Sample_Temperature_InvertsTheCumulativeDistributionInOrderOfIds()
    {
        // T = 1/2 squares: 9, 1, 16, 4 of 30 → bounds 0.3, 0.3333, 0.8667, 1. The logprob stays that of the model.
        double[] bounds = [9 / 30.0, 10 / 30.0, 26 / 30.0, 1];
        float[] probabilities = [0.3f, 0.1f, 0.4f, 0.2f];
        for (var stream = 0UL; stream < 200; stream++)
        {
            var u = new Philox(1, stream).NextDouble();
            var expected = Array.FindIndex(bounds, bound => u < bound);
            var (token, logprob) = Sample(Logits, new SamplingParameters { Temperature = 0.5 }, new Philox(1, stream));
            Assert.Equal(expected, token);
            Assert.Equal(MathF.Log(probabilities[token]), logprob, 1e-6f);
        }
    }

    [Fact]
    public void Sample_LargeVocabulary_InvertsTheCumulativeDistribution()
    {
        // Logits beyond −103 have no weight in single precision; the rest is uniform over 5000 ids from 2000 on, crossing the blocks of the search.
        var logits = Enumerable.Range(0, 7001).Select(id => id is >= 2000 and < 7000 ? 0f : -200f).ToArray();
        for (var stream = 0UL; stream < 300; stream++)
        {
            var (token, logprob) = Sample(logits, new SamplingParameters(), new Philox(1, stream));
            Assert.Equal(2000 + (int)(new Philox(1, stream).NextDouble() * 5000), token);
            Assert.Equal(-Math.Log(5000), logprob, 1e-6);
        }
    }

    [Theory]
    [InlineData(0, 1.0, "0123")]
    [InlineData(2, 1.0, "02")]
    [InlineData(9, 1.0, "0123")]
    [InlineData(0, 0.75, "023")]
    [InlineData(0, 0.65, "02")]
    [InlineData(0, 0.05, "2")]
    [InlineData(3, 0.7, "02")]
    public void Sample_TopKAndTopP_KeepExactlyThese(int topK, double topP, string expected)
    {
        // With k = 3 the rest is 4/9, 3/9, 2/9: two of them reach 0.7 (7/9).
        Assert.Equal(expected, Seen(Logits, new SamplingParameters { TopK = topK, TopP = topP }));
    }

    [Theory]
    [InlineData(0.2, "0123")]
    [InlineData(0.3, "023")]
    [InlineData(0.6, "02")]
    [InlineData(1.0, "2")]
    public void Sample_MinP_KeepsWhatIsCloseToTheBest(double minP, string expected)
    {
        // Of the best one's 0.4 the others have 0.75, 0.25 and 0.5.
        Assert.Equal(expected, Seen(Logits, new SamplingParameters { MinP = minP }));
    }

    [Theory]
    [InlineData(0.25, "0")]
    [InlineData(0.45, "03")]
    [InlineData(0.8, "023")]
    [InlineData(0.95, "0123")]
    public void Sample_TypicalP_KeepsWhatIsClosestToTheEntropy(double typicalP, string expected)
    {
        // Entropy 1.280; information 1.204, 2.303, 0.916, 1.609: distances 0.076 (id 0), 1.023 (1), 0.364 (2), 0.330 (3).
        // In that order the probabilities add up to 0.3 (id 0), 0.5 (3), 0.9 (2), 1 (1).
        Assert.Equal(expected, Seen(Logits, new SamplingParameters { TypicalP = typicalP }));
    }

    [Theory]
    [InlineData(0.15, 0, "023")]
    [InlineData(0.9, 0, "2")]
    [InlineData(0, 0.3, "023")]
    [InlineData(0, 0.9, "02")]
    public void Sample_EpsilonAndEtaCutoff_DropTheImprobable(double epsilon, double eta, string expected)
    {
        // Entropy 1.280, exp(−entropy) = 0.278: η = 0.3 cuts at min(0.3, 0.548 · 0.278 = 0.152), η = 0.9 at min(0.9, 0.949 · 0.278 = 0.264).
        Assert.Equal(expected, Seen(Logits, new SamplingParameters { EpsilonCutoff = epsilon, EtaCutoff = eta }));
    }

    [Fact]
    public void Sample_CutoffAfterTheBestWentByTypicalP_KeepsTheBestOfTheRest() =>
        Assert.Equal("0", Seen(Logits, new SamplingParameters { TypicalP = 0.45, EpsilonCutoff = 0.9 }));

    [Fact]
    public void Sample_TieAtTheKthPlace_KeepsBoth() =>
        Assert.Equal("012", Seen([1f, 2f, 1f, 0f], new SamplingParameters { TopK = 2 }));

    [Fact]
    public void Sample_TopPAmongEquals_KeepsTheFewestThatReachIt() =>
        Assert.Equal("012", Seen([1f, 1f, 1f, 1f], new SamplingParameters { TopP = 0.6 }));

    [Theory]
    [InlineData(40, 1.0, 0.0)]
    [InlineData(0, 0.9, 0.0)]
    [InlineData(0, 0.02, 0.0)]
    [InlineData(700, 0.5, 0.01)]
    public void Sample_ManyTokens_KeepsWhatSortingWouldKeep(int topK, double topP, double minP)
    {
        var random = new Philox(4);
        for (var trial = 0; trial < 10; trial++)
        {
            var logits = Enumerable.Range(0, 3000).Select(_ => (float)random.NextNormal() * (trial + 1) / 2).ToArray();
            var max = logits.Max();
            var sorted = logits.Select((logit, id) => (Weight: Math.Exp(logit - max), Id: id)).OrderByDescending(entry => entry.Weight).ToList();
            sorted = topK > 0 ? sorted[..topK] : sorted;
            var total = sorted.Sum(entry => entry.Weight);
            double sum = 0;
            sorted = [.. sorted.TakeWhile(entry => (sum += entry.Weight) - entry.Weight < topP * total)];
            sorted = [.. sorted.Where(entry => entry.Weight >= minP)];
            var sampler = new TokenSampler(3000);
            sampler.Sample(logits, new SamplingParameters { TopK = topK, TopP = topP, MinP = minP }, [0], 1, [], new Philox(1));
            Assert.Equal(sorted.Select(entry => entry.Id).Order(), sampler.Distribution.Kept.ToArray());
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void Sample_NoFiniteDistribution_Throws(float broken) => Assert.Contains(
        "not finite",
        Assert.Throws<InvalidOperationException>(() => Sample(
            broken < 0 ? [broken, broken, broken, broken] : [0f, 1f, broken, 2f], new SamplingParameters())).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Sample_EverythingForbidden_SaysSo()
    {
        var parameters = new SamplingParameters { LogitBias = Enumerable.Range(0, 4).ToDictionary(id => id, _ => float.NegativeInfinity) };
        Assert.Contains("every token is forbidden", Assert.Throws<InvalidOperationException>(() => Sample(Logits, parameters)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sample_LargeVocabularyAndLogits_LogprobIsExact()
    {
        // 1001 logits of 1000, one of 1000 + ln 999: total = 2000 parts, the best has 999 of them.
        var logits = Enumerable.Repeat(1000f, 1002).ToArray();
        logits[1001] = 1000f + MathF.Log(999f);
        var (token, logprob) = Sample(logits, new SamplingParameters { Temperature = 0 });
        Assert.Equal(1001, token);
        Assert.Equal(Math.Log(999.0 / 2000), logprob, 1e-4);
    }

    [Fact]
    public void Sample_Warm_AllocatesNothing()
    {
        var sampler = new TokenSampler(5000);
        var logits = Enumerable.Range(0, 5000).Select(id => MathF.Sin(id)).ToArray();
        var parameters = new SamplingParameters
        {
            TopK = 900, TopP = 0.9, MinP = 0.01, TypicalP = 0.9, EtaCutoff = 1e-4, EpsilonCutoff = 1e-4, RepetitionPenalty = 1.1, NoRepeatNgramSize = 2,
        };
        int[] ids = [4, 5, 6, 4];
        var random = new Philox(1);
        sampler.Sample(logits, parameters, ids, 2, [1], random);
        var before = GC.GetAllocatedBytesForCurrentThread();
        sampler.Sample(logits, parameters, ids, 2, [1], random);

        // One enumerator of the (empty) bias dictionary.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100);
    }

    private static (int Token, float Logprob) Sample(float[] logits, SamplingParameters parameters, Philox? random = null) =>
        new TokenSampler(logits.Length).Sample(logits, parameters, [0], 1, [], random ?? new Philox(1));

    private static string Seen(float[] logits, SamplingParameters parameters)
    {
        var seen = Enumerable.Range(0, 400).Select(stream => Sample(logits, parameters, new Philox(2, (ulong)stream)).Token);
        return string.Concat(seen.Distinct().Order());
    }
}
