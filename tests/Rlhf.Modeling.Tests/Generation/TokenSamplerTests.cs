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
        var (token, logprob) = new TokenSampler(new SamplingParameters { Temperature = 0 }, 4).Sample(Logits, new Philox(1));
        Assert.Equal(2, token);
        Assert.Equal(MathF.Log(0.4f), logprob, 1e-6f);
    }

    [Fact]
    public void Sample_Temperature_InvertsTheCumulativeDistributionInOrderOfIds()
    {
        // T = 1/2 squares: 9, 1, 16, 4 of 30 → bounds 0.3, 0.3333, 0.8667, 1. The logprob stays that of the model.
        var sampler = new TokenSampler(new SamplingParameters { Temperature = 0.5 }, 4);
        double[] bounds = [9 / 30.0, 10 / 30.0, 26 / 30.0, 1];
        float[] probabilities = [0.3f, 0.1f, 0.4f, 0.2f];
        for (var stream = 0UL; stream < 200; stream++)
        {
            var u = new Philox(1, stream).NextDouble();
            var expected = Array.FindIndex(bounds, bound => u < bound);
            var (token, logprob) = sampler.Sample(Logits, new Philox(1, stream));
            Assert.Equal(expected, token);
            Assert.Equal(MathF.Log(probabilities[token]), logprob, 1e-6f);
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
        var sampler = new TokenSampler(new SamplingParameters { TopK = topK, TopP = topP }, 4);
        var seen = Enumerable.Range(0, 400).Select(stream => sampler.Sample(Logits, new Philox(2, (ulong)stream)).Token);
        Assert.Equal(expected, string.Concat(seen.Distinct().Order()));
    }

    [Fact]
    public void Sample_TieAtTheKthPlace_KeepsBoth()
    {
        var sampler = new TokenSampler(new SamplingParameters { TopK = 2 }, 4);
        var seen = Enumerable.Range(0, 200).Select(stream => sampler.Sample([1f, 2f, 1f, 0f], new Philox(2, (ulong)stream)).Token);
        Assert.Equal([0, 1, 2], seen.Distinct().Order());
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Sample_LogitsNotFinite_Throws(float broken) => Assert.Throws<InvalidOperationException>(
        () => new TokenSampler(new SamplingParameters(), 4).Sample([0f, 1f, broken, 2f], new Philox(1)));

    [Fact]
    public void Sample_LargeVocabularyAndLogits_LogprobIsExact()
    {
        // 1001 logits of 1000, one of 1000 + ln 999: total = 2000 parts, the best has 999 of them.
        var logits = Enumerable.Repeat(1000f, 1002).ToArray();
        logits[1001] = 1000f + MathF.Log(999f);
        var (token, logprob) = new TokenSampler(new SamplingParameters { Temperature = 0 }, 1002).Sample(logits, new Philox(1));
        Assert.Equal(1001, token);
        Assert.Equal(Math.Log(999.0 / 2000), logprob, 1e-4);
    }

    [Fact]
    public void Validate_EveryFaultAtOnce()
    {
        var faults = new SamplingParameters { MaxNewTokens = 0, Temperature = -1, TopK = -1, TopP = 1.5 }.Validate();
        Assert.Equal(4, faults.Count);
        Assert.Empty(new SamplingParameters().Validate());
        Assert.Single(new SamplingParameters { Temperature = double.NaN }.Validate());
    }
}
