using Rlhf.Numerics;
using Rlhf.Training.Metrics;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms;

/// <summary>What every training method has from the engine: resuming, averages of the weights, gradient checkpointing, accumulation.</summary>
public sealed class EngineTests
{
    public static TheoryData<string> Methods => [.. EveryMethod.Names];

    [Theory]
    [MemberData(nameof(Methods))]
    public void Train_KilledAtARandomStepAndResumed_EqualsUninterruptedByteForByte(string method)
    {
        using var scope = NewDisposeScope();
        using var straightStates = new TemporaryDirectory();
        using var resumedStates = new TemporaryDirectory();
        var knobs = new RunKnobs { EmaDecay = 0.9, GradientCheckpointing = true };
        byte[] straightAverage = [], resumedAverage = [];
        var straight = EveryMethod.Policy(method);
        var straightHistory = EveryMethod.Run(
            method, straight, knobs with { States = straightStates.Path, SaveAverage = () => straightAverage = TinyModels.Bytes(straight) });

        // Two deaths at steps of the seed's choosing, the second in the run that resumed after the first.
        var random = new Philox(2026, (ulong)EveryMethod.Names.ToList().IndexOf(method));
        int[] deaths = [.. new[] { 1 + random.Next(EveryMethod.Steps - 2), 1 + random.Next(EveryMethod.Steps - 2) }.Order()];
        foreach (var death in deaths)
        {
            Assert.Throws<InvalidOperationException>(() => EveryMethod.Run(
                method, EveryMethod.Policy(method), knobs with { States = resumedStates.Path, Progress = p => _ = p.Step > death ? throw new InvalidOperationException("killed") : 0 }));
        }

        var resumed = EveryMethod.Policy(method);
        var resumedHistory = EveryMethod.Run(
            method, resumed, knobs with { States = resumedStates.Path, SaveAverage = () => resumedAverage = TinyModels.Bytes(resumed) });

        Assert.Equal(TinyModels.Bytes(straight), TinyModels.Bytes(resumed));
        Assert.NotEmpty(straightAverage);
        Assert.Equal(straightAverage, resumedAverage);
        Assert.Equal(TinyModels.NewestState(straightStates.Path), TinyModels.NewestState(resumedStates.Path));
        Assert.Equal(straightHistory.Select(h => h.Metrics), resumedHistory.Select(h => h.Metrics));
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Train_WithAnAverage_LeavesTheRunAloneAndShowsItBetweenStartAndEnd(string method)
    {
        using var scope = NewDisposeScope();
        var plain = EveryMethod.Policy(method);
        var averaged = EveryMethod.Policy(method);
        byte[] average = [];

        EveryMethod.Run(method, plain, new RunKnobs());
        var history = EveryMethod.Run(method, averaged, new RunKnobs { EmaDecay = 0.5, SaveAverage = () => average = TinyModels.Bytes(averaged) });

        Assert.Equal(TinyModels.Bytes(plain), TinyModels.Bytes(averaged));
        Assert.NotEqual(TinyModels.Bytes(averaged), average);
        Assert.NotEqual(TinyModels.Bytes(EveryMethod.Policy(method)), average);
        if (history[^1].Metrics.TryGetValue(MetricNames.EvaluationLoss, out var loss))
        {
            Assert.NotEqual(loss, history[^1].Metrics[MetricNames.AveragePrefix + MetricNames.EvaluationLoss]);
        }
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Train_GradientCheckpointing_GivesTheSameRun(string method)
    {
        using var scope = NewDisposeScope();
        var plain = EveryMethod.Policy(method);
        var recomputed = EveryMethod.Policy(method);

        EveryMethod.Run(method, plain, new RunKnobs { AdamEpsilon = 1 });
        EveryMethod.Run(method, recomputed, new RunKnobs { AdamEpsilon = 1, GradientCheckpointing = true });

        Assert.InRange(LargestDifference(plain, recomputed), 0, 1e-6);
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Train_Accumulation_GivesTheRunOfTheWholeBatch(string method)
    {
        using var scope = NewDisposeScope();
        var whole = EveryMethod.Policy(method);
        var parts = EveryMethod.Policy(method);
        var start = EveryMethod.Policy(method);

        EveryMethod.Run(method, whole, new RunKnobs { AdamEpsilon = 1 });
        EveryMethod.Run(method, parts, new RunKnobs { AdamEpsilon = 1, MicroBatchSize = 3 });

        // Parts of 3 and 1 rows: a mean of means would show.
        Assert.True(LargestDifference(whole, start) > 1e-5);
        Assert.InRange(LargestDifference(whole, parts), 0, 1e-6);
    }

    private static float LargestDifference(TorchSharp.torch.nn.Module left, TorchSharp.torch.nn.Module right) =>
        left.parameters().Zip(right.parameters()).Max(pair => (pair.First.detach() - pair.Second.detach()).abs().max().item<float>());
}
