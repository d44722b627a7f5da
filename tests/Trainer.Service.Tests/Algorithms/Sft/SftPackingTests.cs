using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using TorchSharp;
using Trainer.Service.Algorithms.Sft;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Sft;

/// <summary>What must not change a step: packing, padding on either side, micro-batches. And NEFTune's noise, which is the same under all of them.</summary>
public sealed class SftPackingTests
{
    private const double Tolerance = 1e-5;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Packed_RandomDemonstrations_GiveTheLossAndGradientsOfUnpackedOnes(ulong seed)
    {
        using var scope = NewDisposeScope();
        var examples = RandomExamples(seed, count: 12);
        var labels = examples.Sum(e => e.LabelTokens);
        foreach (var alpha in (double?[])[null, 5])
        {
            var noise = alpha is { } a ? new NeftuneNoise(a, Seed: 7, FirstDraw: 30, Width: 16) : null;
            var packed = SftBatch.Packed(examples, capacity: 64, TinyModels.Pad, noise);
            Assert.True(packed.InputIds_BL.shape[0] < examples.Length, "nothing was packed");

            AssertSame(
                Step(model => SftLoss.Compute(model, SftBatch.Padded(examples, TinyModels.Pad, noise), labels)),
                Step(model => SftLoss.Compute(model, packed, labels)));
        }
    }

    [Fact]
    public void Padding_LeftRightOrNone_GivesTheSameLossAndGradients()
    {
        using var scope = NewDisposeScope();
        var examples = RandomExamples(5, count: 4);
        var labels = examples.Sum(e => e.LabelTokens);

        var right = Step(model => SftLoss.Compute(model, SftBatch.Padded(examples, TinyModels.Pad), labels));

        AssertSame(right, Step(model => examples.Select(e => SftLoss.Compute(model, SftBatch.Padded([e], TinyModels.Pad), labels)).Aggregate((a, b) => a + b)));
        AssertSame(right, Step(model => LeftPadded(model, examples, labels)));
    }

    [Fact]
    public void Train_PackedWithNoise_ShowsTheCurveOfUnpackedMicroBatches()
    {
        using var scope = NewDisposeScope();
        var examples = RandomExamples(6, count: 9);
        var config = new SftConfig { Epochs = 3, BatchSize = 6, LearningRate = 1e-3, NeftuneNoiseAlpha = 5 };

        var plain = new SftTrainer(config with { MicroBatchSize = 1 }, TinyModels.Policy(), examples, examples).Train();
        var packed = new SftTrainer(config with { Packing = true }, TinyModels.Policy(), examples, examples).Train();

        foreach (var (a, b) in plain.Zip(packed))
        {
            Assert.Equal(a.Metrics[MetricNames.TrainLoss], b.Metrics[MetricNames.TrainLoss], Tolerance);
            Assert.Equal(a.Metrics[MetricNames.TrainTokens], b.Metrics[MetricNames.TrainTokens]);
        }

        Assert.Equal(plain[^1].Metrics[MetricNames.EvaluationLoss], packed[^1].Metrics[MetricNames.EvaluationLoss], Tolerance);
    }

    [Fact]
    public void Train_PackedWithNoiseInterruptedAndResumed_EqualsUninterruptedByteForByte()
    {
        using var scope = NewDisposeScope();
        using var straightStates = new TemporaryDirectory();
        using var resumedStates = new TemporaryDirectory();
        var examples = RandomExamples(8, count: 7);
        var config = new SftConfig
        {
            Epochs = 4, BatchSize = 4, MicroBatchSize = 3, LearningRate = 1e-2, Packing = true, NeftuneNoiseAlpha = 10, ReportEvery = 2, SaveEvery = 3,
        };
        var straight = TinyModels.Policy();
        new SftTrainer(config, straight, examples).Train(straightStates.Path);

        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => new SftTrainer(config, TinyModels.Policy(), examples).Train(
            resumedStates.Path, p => { if (p.Step == 4) { stop.Cancel(); } }, stop.Token));
        var resumed = TinyModels.Policy();
        new SftTrainer(config, resumed, examples).Train(resumedStates.Path);

        Assert.Equal(TinyModels.Bytes(straight), TinyModels.Bytes(resumed));
        Assert.Equal(TinyModels.NewestState(straightStates.Path), TinyModels.NewestState(resumedStates.Path));
    }

    [Fact]
    public void NeftuneNoise_OfADemonstration_IsUniformWithinItsOwnMagnitude()
    {
        var noise = new float[50 * 16];

        new NeftuneNoise(Alpha: 5, Seed: 1, FirstDraw: 0, Width: 16).Fill(0, noise);

        // 5 / √(50 · 16) = 0.176777; a uniform number's mean square is a third of its square: 0.0104167, ± 4 · 0.0104167 · √(0.8 / 800).
        Assert.All(noise, x => Assert.InRange(x, -0.176777f, 0.176777f));
        Assert.Equal(0.0104167, noise.Average(x => (double)x * x), 4 * 0.0104167 * Math.Sqrt(0.8 / 800));
        var next = new float[noise.Length];
        new NeftuneNoise(Alpha: 5, Seed: 1, FirstDraw: 0, Width: 16).Fill(1, next);
        Assert.NotEqual(noise, next);
        new NeftuneNoise(Alpha: 5, Seed: 1, FirstDraw: 1, Width: 16).Fill(0, noise);
        Assert.Equal(noise, next);
    }

    [Fact]
    public void Evaluate_WithNoiseInTraining_HasNone()
    {
        using var scope = NewDisposeScope();
        var examples = RandomExamples(9, count: 3);
        var loud = new SftTrainer(new SftConfig { NeftuneNoiseAlpha = 100 }, TinyModels.Policy(), examples, examples);

        Assert.Equal(new SftTrainer(new SftConfig(), TinyModels.Policy(), examples, examples).Evaluate(), loud.Evaluate());
        Assert.NotEqual(
            new SftTrainer(new SftConfig(), TinyModels.Policy(), examples).Train()[0].Metrics[MetricNames.TrainLoss],
            loud.Train()[0].Metrics[MetricNames.TrainLoss]);
    }

    [Fact]
    public void Labels_SomeTokensOfAConversation_OnlyTheyAreLearned()
    {
        using var scope = NewDisposeScope();
        var model = TinyModels.Policy();
        var conversation = new SftExample([2], [3, 4, 5, 6, TinyModels.Eos], [false, true, false, false, true]);

        var loss = SftLoss.Compute(model, SftBatch.Padded([conversation], TinyModels.Pad), conversation.LabelTokens).item<float>();

        // The same two labels, each as the only completion token after what stands before it.
        var first = SftLoss.Compute(model, SftBatch.Padded([new([2, 3], [4])], TinyModels.Pad), 2).item<float>();
        var second = SftLoss.Compute(model, SftBatch.Padded([new([2, 3, 4, 5, 6], [TinyModels.Eos])], TinyModels.Pad), 2).item<float>();
        Assert.Equal(first + second, loss, Tolerance);
        Assert.Equal(2, conversation.LabelTokens);
    }

    [Fact]
    public void Constructor_DemonstrationWithoutPromptOrLabel_IsRefused()
    {
        using var scope = NewDisposeScope();
        foreach (var example in (SftExample[])[new([], [1]), new([1], []), new([1], [2], [false]), new([1], [2, 3], [true]), new([1], new int[8])])
        {
            Assert.Throws<ArgumentException>(() => new SftTrainer(new SftConfig { MaxLength = 8 }, TinyModels.Policy(), [example]));
        }

        var exception = Assert.Throws<HyperparametersException>(() => new SftTrainer(new SftConfig { MaxLength = 65 }, TinyModels.Policy(), [new([1], [2])]));
        Assert.Contains("max_length is 65", exception.Message, StringComparison.Ordinal);
        Assert.Equal(2, new SftConfig { MaxLength = 1, NeftuneNoiseAlpha = 0 }.Validate().Count);
    }

    private static SftExample[] RandomExamples(ulong seed, int count)
    {
        var random = new Philox(seed, 99);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            int[] completion = [.. Tokens(random, 1 + random.Next(14)), TinyModels.Eos];
            var labels = completion.Select((_, t) => t == completion.Length - 1 || random.Chance(0.6)).ToArray();
            return new SftExample(Tokens(random, 1 + random.Next(10)), completion, random.Chance(0.5) ? labels : null);
        })];
    }

    private static int[] Tokens(Philox random, int count) => [.. Enumerable.Range(0, count).Select(_ => 2 + random.Next(14))];

    private static Tensor LeftPadded(CausalLanguageModel model, SftExample[] examples, int labels)
    {
        var columns = examples.Max(e => e.Length);
        var ids = examples.SelectMany(e => Enumerable.Repeat(0L, columns - e.Length).Concat(e.Prompt.Concat(e.Completion).Select(t => (long)t))).ToArray();
        var mask = examples.SelectMany(e => Enumerable.Repeat(0L, columns - e.Length).Concat(Enumerable.Repeat(1L, e.Length))).ToArray();
        var hidden = model.Hidden(tensor(ids, [examples.Length, columns]), tensor(mask, [examples.Length, columns]));
        var predictors = examples.SelectMany((e, b) => e.Completion.Select((_, t) => (b, t, e)).Where(x => e.Labels?[x.t] ?? true)
            .Select(x => (long)((b * columns) + columns - e.Completion.Length + x.t - 1))).ToArray();
        var targets = predictors.Select(p => ids[p + 1]).ToArray();
        return model.Logprobs(hidden.reshape(-1, hidden.shape[^1]).index_select(0, tensor(predictors)), tensor(targets)).Logprobs_N.sum() / (double)-labels;
    }

    private static (double Loss, Dictionary<string, float[]> Gradients) Step(Func<CausalLanguageModel, Tensor> compute)
    {
        using var scope = NewDisposeScope();
        var model = TinyModels.Policy();
        var loss = compute(model);
        loss.backward();
        return (loss.item<float>(), model.named_parameters().ToDictionary(p => p.name, p => p.parameter.grad!.data<float>().ToArray()));
    }

    private static void AssertSame((double Loss, Dictionary<string, float[]> Gradients) expected, (double Loss, Dictionary<string, float[]> Gradients) actual)
    {
        Assert.Equal(expected.Loss, actual.Loss, Tolerance);
        foreach (var (name, gradient) in expected.Gradients)
        {
            Assert.All(gradient.Zip(actual.Gradients[name]), pair => Assert.Equal(pair.First, pair.Second, Tolerance));
        }
    }
}
