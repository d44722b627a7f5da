using System.Runtime.InteropServices;
using Rlhf.Modeling.Transformer;
using Rlhf.Torch.Extensions.Tests.Distributed;
using Rlhf.Training.Distributed;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using TorchSharp;
using Trainer.Service.Algorithms.Common;
using Trainer.Service.Algorithms.Distillation;
using Trainer.Service.Algorithms.Online;
using Trainer.Service.Algorithms.Ppo;
using Trainer.Service.Algorithms.Preference;
using Trainer.Service.Algorithms.Sft;
using Trainer.Service.Tests.Algorithms.Distillation;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Distributed;

/// <summary>Two ranks against one process with the joint batch. Batches of odd size give the ranks shares of different size.</summary>
public sealed class DataParallelTests
{
    private static readonly PreferenceExample[] Pairs =
    [
        new([2, 3], [4, 5, TinyModels.Eos], [6, TinyModels.Eos]),
        new([6], [7, 8, 9, TinyModels.Eos], [9, 8, TinyModels.Eos]),
        new([10, 11, 12], [13, TinyModels.Eos], [2, 2, 2, TinyModels.Eos]),
        new([3, 2], [14, 15, 14, 15, TinyModels.Eos], [4, TinyModels.Eos]),
        new([8, 9], [TinyModels.Eos], [12, 13, TinyModels.Eos]),
    ];

    private static readonly int[][] Prompts = [[2, 3], [4, 5, 6], [7], [8, 9, 10, 11]];

    // Those that have no test of their own below; with averaged weights.
    [Theory]
    [InlineData("pretrain")]
    [InlineData("orpo")]
    [InlineData("simpo")]
    [InlineData("rloo")]
    [InlineData("raft")]
    [InlineData("online-dpo")]
    public void EveryOtherMethod_OfTwoRanks_EqualsOne(string method) => EqualsOne((ranks, states) =>
    {
        using var scope = NewDisposeScope();
        var policy = EveryMethod.Policy(method);
        float[] averaged = [];
        var history = EveryMethod.Run(
            method, policy, new RunKnobs { Ranks = ranks, States = states, MicroBatchSize = 1, EmaDecay = 0.5, AdamEpsilon = 1e-4, SaveAverage = () => averaged = Weights(policy) });
        return ([.. Weights(policy), .. averaged], history);
    });

    [Theory]
    [InlineData(null)]
    [InlineData(5.0)]
    public void Sft_OfTwoRanks_EqualsOne(double? noise) => EqualsOne((ranks, states) => Train(
        policy => new SftTrainer(new SftConfig { Epochs = 3, BatchSize = 3, MicroBatchSize = 1, LearningRate = 1e-3, NeftuneNoiseAlpha = noise }, policy, DistillationTrainerTests.Examples, DistillationTrainerTests.Examples) { Ranks = ranks }
            .Train(states)));

    [Fact]
    public void Dpo_OfTwoRanks_EqualsOne() => EqualsOne((ranks, states) => Train(
        policy => new DpoTrainer(new DpoConfig { Epochs = 3, BatchSize = 3, LearningRate = 1e-3 }, policy, Pairs, Pairs) { Ranks = ranks }.Train(states)));

    [Fact]
    public void Kto_OfTwoRanks_EqualsOne() => EqualsOne((ranks, states) => Train(
        policy => new KtoTrainer(
            new KtoConfig { Epochs = 3, BatchSize = 3, LearningRate = 1e-3 },
            policy,
            [.. Pairs.Select((p, i) => new UnpairedExample(p.Prompt, p.Chosen, i % 2 == 0))]) { Ranks = ranks }.Train(states)));

    [Fact]
    public void Distillation_OfTwoRanks_EqualsOne() => EqualsOne((ranks, states) => Train(
        policy => new DistillationTrainer(
            new DistillationConfig { Epochs = 3, BatchSize = 3, MaxNewTokens = 6, LearningRate = 1e-3 }, policy, TinyModels.Policy(7), DistillationTrainerTests.Examples) { Ranks = ranks }
            .Train(states)));

    [Theory]
    [InlineData(ReinforceBaseline.Batch)]
    [InlineData(ReinforceBaseline.Greedy)]
    public void Reinforce_OfTwoRanks_EqualsOne(ReinforceBaseline baseline) => EqualsOne((ranks, states) => Train(policy =>
    {
        var config = new ReinforceConfig { Updates = 3, BatchSize = 5, Baseline = baseline, MaxNewTokens = 6, LearningRate = 1e-3 };
        using var trainer = new ReinforceTrainer(config, policy, Prompts, Score) { Ranks = ranks };
        return trainer.Train(states);
    }));

    [Fact]
    public void Grpo_OfTwoRanks_EqualsOne() => EqualsOne((ranks, states) => Train(policy =>
    {
        // 3 groups of 2: one rank samples one of them, the other two; minibatches of 3 rows.
        var config = new GrpoConfig { Updates = 3, BatchSize = 6, NumGenerations = 2, MinibatchCount = 2, MicroBatchSize = 1, NumIterations = 2, Beta = 0.04, MaxNewTokens = 6, LearningRate = 1e-3 };
        using var trainer = new GrpoTrainer(config, policy, Prompts, Score) { Ranks = ranks };
        return trainer.Train(states);
    }));

    [Fact]
    public void Grpo_OfMoreRanksThanGroups_EqualsOne() => EqualsOne(
        (ranks, states) => Train(policy =>
        {
            var config = new GrpoConfig { Updates = 2, BatchSize = 2, NumGenerations = 2, MaxNewTokens = 6, LearningRate = 1e-3 };
            using var trainer = new GrpoTrainer(config, policy, Prompts, Score) { Ranks = ranks };
            return trainer.Train(states);
        }),
        size: 3);

    [Theory]
    [InlineData(KlEstimator.K1, 0.0)]
    [InlineData(KlEstimator.Full, 0.3)]
    public void Ppo_OfTwoRanks_EqualsOne(KlEstimator estimator, double ptx) => EqualsOne((ranks, states) => Train(policy =>
    {
        var critic = TinyModels.Critic(policy);
        var config = new PpoConfig
        {
            Updates = 3, BatchSize = 6, Epochs = 2, MinibatchCount = 2, MicroBatchSize = 2, MaxNewTokens = 6, LearningRate = 1e-3, KlEstimator = estimator,
            PtxCoefficient = ptx, PtxBatchSize = 3,
        };
        using var trainer = new PpoTrainer(config, policy, critic, Prompts, Score) { Ranks = ranks, PretrainingTexts = [[2, 3, 4], [5, 6], [7, 8, 9, 10], [11, 12]] };
        return trainer.Train(states);
    }));

    [Fact]
    public void Broadcast_BeforeTheFirstStep_GivesEveryRankTheWeightsOfRankZero()
    {
        var weights = Ranks.Run(2, group =>
        {
            using var scope = NewDisposeScope();
            var policy = TinyModels.Policy(seed: (ulong)(group.Rank + 1));
            new SftTrainer(new SftConfig { BatchSize = 5 }, policy, DistillationTrainerTests.Examples) { Ranks = new DataParallel(group) }.Train();
            return TinyModels.Bytes(policy);
        });

        Assert.Equal(weights[0], weights[1]);
    }

    [Fact]
    public void Train_InterruptedAndResumedOnAnotherMachine_EqualsUninterruptedByteForByte()
    {
        using var straightStates = new TemporaryDirectory();
        using var resumedStates = new TemporaryDirectory();
        var config = new DpoConfig { Epochs = 4, BatchSize = 3, LearningRate = 1e-2, ReportEvery = 2, SaveEvery = 100 };
        var straight = Ranks.Run(2, group => Run(group, straightStates.Path, stopAt: null));

        // Rank 1 is told to stop, and both do, after the same step. Only rank 0 has states: the other gets them from it.
        Assert.All(
            Assert.Throws<AggregateException>(() => Ranks.Run(2, group => Run(group, resumedStates.Path, stopAt: 4))).InnerExceptions,
            e => Assert.IsType<OperationCanceledException>(e));
        var resumed = Ranks.Run(2, group => Run(group, resumedStates.Path, stopAt: null));

        Assert.Equal(straight[0], resumed[0]);
        Assert.Equal(straight[0], resumed[1]);
        Assert.Equal(TinyModels.NewestState(straightStates.Path), TinyModels.NewestState(resumedStates.Path));

        byte[] Run(Rlhf.Torch.Extensions.Distributed.ProcessGroup group, string states, int? stopAt)
        {
            using var scope = NewDisposeScope();
            using var stop = new CancellationTokenSource();
            var policy = TinyModels.Policy();
            new DpoTrainer(config, policy, Pairs) { Ranks = new DataParallel(group) }.Train(
                group.Rank == 0 ? states : null, p => { if (group.Rank == 1 && p.Step == stopAt) { stop.Cancel(); } }, stop.Token);
            return TinyModels.Bytes(policy);
        }
    }

    [Fact]
    public void Dpo_WithALossThatComparesTheWholeBatch_IsRefused()
    {
        var error = Assert.Throws<AggregateException>(() => Ranks.Run(2, group =>
        {
            using var scope = NewDisposeScope();
            return new DpoTrainer(new DpoConfig { LossType = [DpoLossType.Aot] }, TinyModels.Policy(), Pairs) { Ranks = new DataParallel(group) }.Train();
        }));

        Assert.All(error.InnerExceptions, e => Assert.Contains("train in one process", Assert.IsType<HyperparametersException>(e).Message, StringComparison.Ordinal));
    }

    private static IReadOnlyList<float> Score(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> responses) => [.. responses.Select(r => (float)r.Average(t => t % 2))];

    private static (float[] Weights, IReadOnlyList<TrainingProgress> History) Train(Func<CausalLanguageModel, IReadOnlyList<TrainingProgress>> train)
    {
        using var scope = NewDisposeScope();
        var policy = TinyModels.Policy();
        var history = train(policy);
        return (Weights(policy), history);
    }

    private static float[] Weights(nn.Module module) => MemoryMarshal.Cast<byte, float>(TinyModels.Bytes(module)).ToArray();

    private static void EqualsOne(Func<DataParallel, string?, (float[] Weights, IReadOnlyList<TrainingProgress> History)> run, int size = 2)
    {
        using var states = new TemporaryDirectory();
        var one = run(DataParallel.Alone, null);
        var several = Ranks.Run(size, group => run(new DataParallel(group), states.Path));

        // One writer, and the same bits everywhere.
        Assert.NotEmpty(Directory.GetDirectories(states.Path));
        Assert.All(several, rank => Assert.Equal(several[0].Weights, rank.Weights));
        Assert.All(several, rank => Assert.Equal(several[0].History.Select(h => h.Metrics), rank.History.Select(h => h.Metrics)));

        // Sums of the same numbers in another order.
        Assert.True(one.Weights.Zip(several[0].Weights, (a, b) => Math.Abs(a - b)).Max() < 1e-5);
        foreach (var (expected, actual) in one.History.Zip(several[0].History))
        {
            Assert.Equal(expected.Metrics.Keys, actual.Metrics.Keys);
            foreach (var (name, value) in expected.Metrics)
            {
                ReferenceRun.Within(value, actual.Metrics[name], 1e-5 * Math.Max(1, Math.Abs(value)), $"{name} of step {expected.Step}");
            }
        }
    }
}
