using Rlhf.Modeling.Tokenization;
using Rlhf.Torch.Extensions;
using Rlhf.Training.Metrics;
using TorchSharp;
using Trainer.Service.Algorithms.Common;
using Trainer.Service.Algorithms.Online;
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
            new PpoConfig { Updates = 5, BatchSize = 8, MaxNewTokens = 6, MinibatchCount = 2, PtxCoefficient = 1, KlEstimator = KlEstimator.Full, EvaluateEvery = 1 },
            policy,
            TinyModels.Critic(policy),
            [[2, 3], [4]],
            Lengths)
        {
            PretrainingTexts = [[2, 3, 4], [5, 6]],
            HeldOut = new HeldOutScore([[5]], Lengths),
        };

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

    [Theory]
    [InlineData("raft")]
    [InlineData("online-dpo")]
    public void OnlineTrainer_OverUpdates_HoldsAsManyTensors(string method)
    {
        using var scope = NewDisposeScope();
        int[][] prompts = [[2, 3], [4]];
        if (method == "raft")
        {
            using var trainer = new RaftTrainer(
                new RaftConfig { Updates = 5, BatchSize = 8, NumGenerations = 4, MaxNewTokens = 6, MinibatchCount = 2 }, TinyModels.Policy(), prompts, Lengths);
            AssertConstant(progress => trainer.Train(progress: progress));
        }
        else
        {
            // Distinct scores, so that every update has pairs.
            var number = 0f;
            using var trainer = new OnlineDpoTrainer(
                new OnlineDpoConfig { Updates = 5, BatchSize = 8, MaxNewTokens = 6, MinibatchCount = 2 },
                TinyModels.Policy(),
                prompts,
                (_, responses) => [.. responses.Select(_ => number++)]);
            AssertConstant(progress => trainer.Train(progress: progress));
        }
    }

    private static float[] Lengths(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> responses) => [.. responses.Select(r => (float)r.Length)];

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
