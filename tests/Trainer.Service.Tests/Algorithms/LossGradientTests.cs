using Rlhf.Numerics;
using Trainer.Service.Algorithms.Common;
using Trainer.Service.Algorithms.Online;
using Trainer.Service.Algorithms.Ppo;
using Trainer.Service.Algorithms.Preference;
using Trainer.Service.Algorithms.Sft;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms;

/// <summary>Every loss against finite differences.</summary>
public sealed class LossGradientTests
{
    private const int Pairs = 4;
    private static readonly long[] PairShape = [Pairs];
    private static readonly long[] TokenShape = [3, 4];

    public static TheoryData<DpoLossType, FDivergence, double> Dpo
    {
        get
        {
            var data = new TheoryData<DpoLossType, FDivergence, double>();
            foreach (var type in Enum.GetValues<DpoLossType>())
            {
                data.Add(type, FDivergence.ReverseKl, type == DpoLossType.ExoPair ? 0.1 : 0);
            }

            data.Add(DpoLossType.Sigmoid, FDivergence.ReverseKl, 0.2);
            data.Add(DpoLossType.Robust, FDivergence.ReverseKl, 0.2);
            data.Add(DpoLossType.Sigmoid, FDivergence.ForwardKl, 0);
            data.Add(DpoLossType.Sigmoid, FDivergence.JsDivergence, 0);
            data.Add(DpoLossType.Sigmoid, FDivergence.AlphaDivergence, 0);
            data.Add(DpoLossType.IpoSum, FDivergence.JsDivergence, 0);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Dpo))]
    public void DpoLoss_EveryKind(DpoLossType type, FDivergence divergence, double smoothing)
    {
        var config = new DpoConfig { Beta = 0.7, LabelSmoothing = smoothing, FDivergence = divergence, FAlphaDivergenceCoef = 0.5 };
        var (referenceChosen, referenceRejected) = (Values(3, Pairs, -3), Values(4, Pairs, -3));

        GradientCheck.Check(
            inputs => DpoLoss.Compute(
                type,
                new PairLogprobs(
                    inputs[0], inputs[1], tensor(new double[] { 3, 5, 2, 4 }), tensor(new double[] { 4, 2, 6, 1 }), tensor(referenceChosen), tensor(referenceRejected)),
                config,
                chosenTokens: 14,
                Pairs).mean(),
            (Values(1, Pairs, -3), PairShape),
            (Values(2, Pairs, -3), PairShape));
    }

    [Theory]
    [InlineData(KtoLossType.Kto)]
    [InlineData(KtoLossType.ApoZeroUnpaired)]
    public void KtoLoss_BothKinds(KtoLossType type)
    {
        var config = new KtoConfig { LossType = type, Beta = 0.7, DesirableWeight = 1.2, UndesirableWeight = 0.8 };

        GradientCheck.Check(inputs => KtoLoss.Compute(inputs[0], tensor(new double[] { 1, 0, 0, 1 }), 0.3, config).mean(), (Values(1, Pairs), PairShape));
    }

    [Fact]
    public void OrpoLoss_OddsRatioAndLikelihood() => GradientCheck.Check(
        inputs => (OrpoLoss.OddsRatio(inputs[0], inputs[1], 0.4) - inputs[0]).mean(),
        ([-0.4, -1.1, -2.3, -0.9], PairShape),
        ([-0.8, -0.5, -1.9, -3.2], PairShape));

    [Theory]
    [InlineData(SimpoLossType.Simpo, 0, 0)]
    [InlineData(SimpoLossType.Simpo, 0.3, 0.1)]
    [InlineData(SimpoLossType.Sigmoid, 0, 0.1)]
    [InlineData(SimpoLossType.Hinge, 0, 0)]
    [InlineData(SimpoLossType.Ipo, 0.3, 0)]
    public void SimpoLoss_EveryKind(SimpoLossType type, double alpha, double smoothing)
    {
        var config = new SimpoConfig { LossType = type, Alpha = alpha, LabelSmoothing = smoothing };

        GradientCheck.Check(inputs => SimpoLoss.Compute(inputs[0], inputs[1], config).mean(), (Values(1, Pairs, -1), PairShape), (Values(2, Pairs, -1), PairShape));
    }

    [Theory]
    [InlineData(LossAveraging.AllTokens)]
    [InlineData(LossAveraging.MeanOfRows)]
    public void PpoLoss_PolicyAndValue_WithinAndBeyondTheClipRanges(LossAveraging averaging)
    {
        var config = new PpoConfig { ValueCoefficient = 0.5 };

        // Differences of normal numbers: some ratios and values are clipped, some are not.
        GradientCheck.Check(
            inputs => PpoLoss.Compute(
                inputs[0],
                Tokens(2, -1),
                Tokens(3),
                PpoLoss.Weights(Mask(), averaging),
                inputs[1],
                Tokens(4),
                Tokens(5),
                PpoLoss.Weights(Mask(), averaging),
                config).Loss,
            (Values(1, 12, -1), TokenShape),
            (Values(6, 12), TokenShape));
    }

    [Theory]
    [InlineData(GrpoLossType.Grpo, ImportanceSamplingLevel.Token, 0.0, null)]
    [InlineData(GrpoLossType.Grpo, ImportanceSamplingLevel.Token, 0.3, 1.5)]
    [InlineData(GrpoLossType.DrGrpo, ImportanceSamplingLevel.Token, 0.3, null)]
    [InlineData(GrpoLossType.Dapo, ImportanceSamplingLevel.Token, 0.0, null)]
    [InlineData(GrpoLossType.Dapo, ImportanceSamplingLevel.Sequence, 0.3, null)]
    public void GrpoLoss_EveryKind(GrpoLossType type, ImportanceSamplingLevel level, double beta, double? delta)
    {
        var config = new GrpoConfig { LossType = type, ImportanceSamplingLevel = level, Beta = beta, Delta = delta, EpsilonHigh = 0.28 };

        GradientCheck.Check(
            inputs => PolicyGradientLoss.Grpo(
                inputs[0] * Mask(), Tokens(2, -1) * Mask(), Tokens(3, -1) * Mask(), Tokens(4), Mask(), PolicyGradientLoss.Weights(Mask(), type, 6), config).Loss,
            (Values(1, 12, -1), TokenShape));
    }

    [Fact]
    public void CispoLoss_RatioIsAConstant_GradientIsItsFormula()
    {
        using var scope = NewDisposeScope();
        var config = new GrpoConfig { LossType = GrpoLossType.Cispo, EpsilonHigh = 1.5 };
        var logprobs = Tokens(1, -1).requires_grad_(true);
        var weights = PolicyGradientLoss.Weights(Mask(), GrpoLossType.Cispo, 6);

        PolicyGradientLoss.Grpo(logprobs, Tokens(2, -1), null, Tokens(4), Mask(), weights, config).Loss.backward();

        // −min(ρ, ε_high)·A·w: the ratio has no gradient, so a difference quotient of the value would be another number.
        var expected = -(logprobs.detach() - Tokens(2, -1)).exp().clamp(max: 1.5) * Tokens(4) * weights;
        Assert.Equal(0, (logprobs.grad! - expected).abs().max().item<double>(), 1e-12);
    }

    [Fact]
    public void ReinforceLoss_Clipped() => GradientCheck.Check(
        inputs => PolicyGradientLoss.Clipped(inputs[0], Tokens(2, -1), Tokens(4), Mask(), Mask() / 9.0, 0.2).Loss, (Values(1, 12, -1), TokenShape));

    [Fact]
    public void RlooLoss_WholeResponses() => GradientCheck.Check(
        inputs => PolicyGradientLoss.Rloo(inputs[0], Tokens(1, -1) + 0.02, Tokens(4).narrow(1, 0, 1).expand(TokenShape), Mask(), Mask() / 9.0, 0.2).Loss, (Values(1, 12, -1), TokenShape));

    [Theory]
    [InlineData(KlEstimator.K1)]
    [InlineData(KlEstimator.K2)]
    [InlineData(KlEstimator.K3)]
    public void KlEstimators_Every(KlEstimator estimator) =>
        GradientCheck.Check(inputs => KlEstimators.Estimate(inputs[0], estimator).mean(), (Values(1, Pairs), PairShape));

    [Fact]
    public void SftLoss_ThroughTheModel_AlongTheGradient()
    {
        using var scope = NewDisposeScope();
        var model = TinyModels.Policy();
        var batch = SftBatch.Padded([new([2, 3], [5, 6, TinyModels.Eos]), new([4], [7, TinyModels.Eos])], TinyModels.Pad);
        SftLoss.Compute(model, batch, labelTokens: 5).backward();
        var directions = model.parameters().Select(p => p.grad!.clone()).ToArray();
        var norm = Math.Sqrt(directions.Sum(d => d.square().sum().item<float>()));

        // Along the normalised gradient the slope is its norm. The model computes in single precision: a step of 1e-2 keeps the loss's rounding (3e-7)
        // and the curve's third derivative below a thousandth.
        const double Step = 1e-2;
        var slope = (Moved(Step) - Moved(-Step)) / (2 * Step);

        Assert.Equal(norm, slope, 2e-3 * norm);

        double Moved(double by)
        {
            using var noGrad = no_grad();
            Move(by);
            var loss = SftLoss.Compute(model, batch, labelTokens: 5).item<float>();
            Move(-by);
            return loss;
        }

        void Move(double by)
        {
            foreach (var (parameter, direction) in model.parameters().Zip(directions))
            {
                parameter.add_(direction, by / norm);
            }
        }
    }

    private static Tensor Mask() => tensor(new double[] { 1, 1, 1, 0, 1, 1, 0, 0, 1, 1, 1, 1 }, TokenShape);

    private static Tensor Tokens(ulong seed, double mean = 0) => tensor(Values(seed, 12, mean), TokenShape);

    private static double[] Values(ulong seed, int count, double mean = 0)
    {
        var random = new Philox(seed);
        return [.. Enumerable.Range(0, count).Select(_ => mean + (0.5 * random.NextNormal()))];
    }
}
