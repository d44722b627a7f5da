using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using TorchSharp;
using Trainer.Service.Algorithms.Common;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Common;

/// <summary>Formulas against hand calculations and properties.</summary>
public sealed class FormulaTests
{
    [Fact]
    public void Gae_GammaAndLambdaOne_IsSumOfLaterRewardsLessValue()
    {
        using var scope = NewDisposeScope();

        // A_t = r_t + … + r_T − V_t: 6 − 1, 5 − 1, 3 − 1.
        var result = Gae.Compute(tensor(new double[] { 1, 2, 3 }, [1, 3]), tensor(new double[] { 1, 1, 1 }, [1, 3]), 1, 1);

        Numbers.AreClose([5, 4, 2], result.Advantages_BT, 1e-12);
        Numbers.AreClose([6, 5, 3], result.Returns_BT, 1e-12);
    }

    [Fact]
    public void Whitening_MaskedValues_HaveMeanZeroAndVarianceOneWhereMasked()
    {
        using var scope = NewDisposeScope();
        var random = new Philox(3);
        var values = tensor(Enumerable.Range(0, 40).Select(_ => (5 * random.NextNormal()) + 2).ToArray(), [4, 10]);
        var mask = tensor(Enumerable.Range(0, 40).Select(_ => random.Chance(0.6) ? 1.0 : 0.0).ToArray(), [4, 10]);

        var whitened = Whitening.Apply(values, mask);

        Assert.Equal(0, MaskedMath.Mean(whitened, mask).item<double>(), 1e-12);
        Assert.Equal(1, MaskedMath.Variance(whitened, mask, VarianceKind.Biased).item<double>(), 1e-7);
    }

    [Fact]
    public void KlEstimators_K2AndK3_AreNeverNegative()
    {
        using var scope = NewDisposeScope();
        var difference = arange(-3.0, 3.0, 0.01, float64);

        Assert.True(KlEstimators.Estimate(difference, KlEstimator.K2).min().item<double>() >= 0);
        Assert.True(KlEstimators.Estimate(difference, KlEstimator.K3).min().item<double>() >= -1e-15);
    }

    [Fact]
    public void MaskedMathUpTo_LastColumns_AreIncluded()
    {
        using var scope = NewDisposeScope();

        var mask = MaskedMath.UpTo(tensor(new long[] { 0, 2, 9 }), 3, float64);

        Numbers.AreClose([1, 0, 0, 1, 1, 1, 1, 1, 1], mask, 0);
    }

    [Fact]
    public void TokenLogprobs_Select_EqualsLogSoftmaxAtTheToken()
    {
        using var scope = NewDisposeScope();
        var logits = tensor(new double[] { 1, 2, 1, 1, 0, 0, 0, 0 }, [1, 2, 4]);

        // log(e² / (3e + e²)) and log ¼.
        var expected = new[] { Math.Log(Math.Exp(2) / ((3 * Math.E) + Math.Exp(2))), Math.Log(0.25) };

        Numbers.AreClose(expected, TokenLogprobs.Select(logits, tensor(new long[] { 1, 3 }, [1, 2])), 1e-12);
        Assert.Equal(Math.Log(4), TokenLogprobs.Entropy(logits)[0, 1].item<double>(), 1e-12);
    }
}
