using Rlhf.Modeling.Tokenization;
using Rlhf.Torch.Extensions;
using Rlhf.Training.Metrics;
using TorchSharp;
using Trainer.Service.Algorithms.Ppo;
using Trainer.Service.Algorithms.Pretraining;
using Trainer.Service.Algorithms.Sft;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms;

/// <summary>Tensors are counted for the whole process, so nothing else may run meanwhile.</summary>
[CollectionDefinition(nameof(LiveTensorTests), DisableParallelization = true)]
public sealed class LiveTensorCollection;

/// <summary>No trainer holds more tensors after a step than after the step before.</summary>
[Collection(nameof(LiveTensorTests))]
public sealed class LiveTensorTests
{
    [Fact]
    public void PpoTrainer_OverUpdates_HoldsAsManyTensors()
    {
        using var scope = NewDisposeScope();
        var policy = TinyModels.Policy();
        using var trainer = new PpoTrainer(
            new PpoConfig { Updates = 5, BatchSize = 8, MaxNewTokens = 6, MinibatchCount = 2 },
            policy,
            TinyModels.Critic(policy),
            [[2, 3], [4]],
            (_, responses) => [.. responses.Select(r => (float)r.Length)]);

        AssertConstant(progress => trainer.Train(progress: progress));
    }

    [Fact]
    public void SftTrainer_OverSteps_HoldsAsManyTensors()
    {
        using var scope = NewDisposeScope();
        var trainer = new SftTrainer(
            new SftConfig { Epochs = 8, BatchSize = 2 }, TinyModels.Policy(), [new([2], [3, TinyModels.Eos]), new([4, 5], [6, 7, TinyModels.Eos])]);

        AssertConstant(progress => trainer.Train(progress: progress));
    }

    [Fact]
    public void PretrainTrainer_OverSteps_HoldsAsManyTensors()
    {
        using var scope = NewDisposeScope();
        var tokenizer = BpeTrainer.Train(["one two three"], 262, ["<|endoftext|>"]);
        var trainer = new PretrainTrainer(
            new PretrainConfig { Steps = 6, ContextLength = 16, BatchSize = 2, WarmupSteps = 1, ReportEvery = 1 },
            TinyModels.Policy(vocabSize: tokenizer.VocabSize),
            tokenizer,
            index => $"document {index}");

        AssertConstant(progress => trainer.Train(progress: progress));
    }

    private static void AssertConstant(Action<Action<TrainingProgress>> train)
    {
        // Tensors that earlier tests dropped must not be collected in between.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var counts = new List<long>();

        train(_ => counts.Add(TorchRuntime.LiveTensors));

        // The first step makes what stays, such as gradients.
        Assert.True(counts.Skip(1).Distinct().Count() == 1, $"live tensors after each step: {string.Join(", ", counts)}");
    }
}
