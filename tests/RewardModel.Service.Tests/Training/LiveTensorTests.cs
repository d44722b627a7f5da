using RewardModel.Service.Training;
using Rlhf.Torch.Extensions;
using static TorchSharp.torch;

namespace RewardModel.Service.Tests.Training;

/// <summary>Tensors are counted for the whole process, so nothing else may run meanwhile.</summary>
[CollectionDefinition(nameof(LiveTensorTests), DisableParallelization = true)]
public sealed class LiveTensorCollection;

[Collection(nameof(LiveTensorTests))]
public sealed class LiveTensorTests
{
    [Fact]
    public void Train_OverSteps_HoldsAsManyTensors()
    {
        using var scope = NewDisposeScope();
        using var training = new RewardModelTraining(
            new RewardModelConfig { Loss = RewardLossType.KWise, Epochs = 6, BatchSize = 2, MicroBatchSize = 1, EvaluateEvery = 1 },
            RewardModelTrainerTests.Body(),
            [new([2], [[5, 5, 1], [5, 1], [6, 1]], [1, 2, 3]), RankedCompletions.Pair([3], [5, 1], [7, 1])],
            [RankedCompletions.Pair([4], [5, 1], [8, 1])]);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var counts = new List<long>();

        training.Train(progress: _ => counts.Add(TorchRuntime.LiveTensors));

        // The first step makes what stays, such as gradients.
        Assert.True(counts.Skip(1).Distinct().Count() == 1, $"live tensors after each step: {string.Join(", ", counts)}");
    }
}
