using Rlhf.Training.Evaluation.LanguageModeling;

namespace Rlhf.Training.Tests.Evaluation;

public sealed class PerplexityTests
{
    private static readonly DocumentLikelihood[] Before = [new(Nats: 10, Tokens: 10, Words: 5, Bytes: 40), new(Nats: 40, Tokens: 20, Words: 9, Bytes: 70)];

    [Fact]
    public void Ratio_TwoDocuments_IsTheHandCalculated()
    {
        var ratio = Perplexity.Ratio(Before, [Before[0] with { Nats = 11 }, Before[1] with { Nats = 40.5 }], seed: 1, resamples: 1000);

        // (1 + ½) more nats over 30 tokens; the extremes are one document twice: 1/10 and ½/20 nats a token.
        Assert.Equal(Math.Exp(0.05), ratio.Value, 1e-12);
        Assert.Equal(Math.Exp(0.025), ratio.Low, 1e-12);
        Assert.Equal(Math.Exp(0.1), ratio.High, 1e-12);
    }

    [Fact]
    public void Ratio_EqualLikelihoods_IsOneWithoutDoubt() => Assert.Equal(new(1, 1, 1), Perplexity.Ratio(Before, Before, seed: 1, resamples: 100));

    [Fact]
    public void Ratio_OtherDocuments_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => Perplexity.Ratio(Before, [Before[0]], seed: 1, resamples: 100));
        Assert.Throws<ArgumentException>(() => Perplexity.Ratio(Before, [Before[1], Before[0]], seed: 1, resamples: 100));
    }
}
