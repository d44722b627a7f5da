using Rlhf.Modeling.Adapters;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using TorchSharp;
using Trainer.Service.Algorithms.Common;
using Trainer.Service.Algorithms.Online;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Online;

/// <summary>Whole runs of the methods without a critic on a tiny random model whose score can be checked.</summary>
public sealed class OnlineTrainerTests
{
    private static readonly int[][] Prompts = [[2, 3], [4], [5, 6, 7], [8, 2]];

    public static TheoryData<string> Methods => ["grpo", "grpo-beta-minibatches", "dr-grpo-gspo", "cispo", "rloo", "reinforce++", "reinforce++-baseline", "remax", "raft", "online-dpo", "online-dpo-minibatches"];

    [Theory]
    [MemberData(nameof(Methods))]
    public void Train_ScoreIsTheShareOfOneToken_LearnsToSayIt(string method)
    {
        using var scope = NewDisposeScope();

        // A random model says each of its 16 tokens equally often: 1/16 on average.
        var history = Run(method, TinyModels.Policy(), updates: 40, learningRate: 1e-2);

        var before = history.Take(4).Average(h => h.Metrics[MetricNames.Scores]);
        var after = history.TakeLast(4).Average(h => h.Metrics[MetricNames.Scores]);
        Assert.True(before < 0.2 && after > 0.5, $"{method}: {before:f3} → {after:f3}");
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Train_InterruptedAndResumed_EqualsUninterruptedByteForByte(string method)
    {
        using var scope = NewDisposeScope();
        using var straightStates = new TemporaryDirectory();
        using var resumedStates = new TemporaryDirectory();
        var straight = TinyModels.Policy();
        var straightHistory = Run(method, straight, updates: 6, states: straightStates.Path);

        Assert.Throws<InvalidOperationException>(() => Run(method, TinyModels.Policy(), updates: 6, states: resumedStates.Path, progress: p => _ = p.Step == 3 ? throw new InvalidOperationException("crash") : 0));
        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Run(
            method, TinyModels.Policy(), updates: 6, states: resumedStates.Path, progress: p => { if (p.Step == 5) { stop.Cancel(); } }, stop: stop.Token));
        var resumed = TinyModels.Policy();
        var resumedHistory = Run(method, resumed, updates: 6, states: resumedStates.Path);

        Assert.Equal(TinyModels.Bytes(straight), TinyModels.Bytes(resumed));
        Assert.Equal(TinyModels.NewestState(straightStates.Path), TinyModels.NewestState(resumedStates.Path));
        Assert.Equal(straightHistory.Select(h => h.Metrics), resumedHistory.Select(h => h.Metrics));
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Train_EveryUpdate_BeginsAtRatioOneAndTheFirstAtKlZero(string method)
    {
        using var scope = NewDisposeScope();

        var history = Run(method, TinyModels.Policy(), updates: 5, learningRate: 1e-2);

        Assert.All(history, h => Assert.InRange(h.Metrics[MetricNames.FirstRatioError], 0, 1e-5));
        if (history[0].Metrics.TryGetValue(MetricNames.Kl, out var kl))
        {
            Assert.Equal(0, kl, 1e-5);
        }
    }

    [Fact]
    public void Train_MicroBatches_GiveTheWholeBatchStep()
    {
        using var scope = NewDisposeScope();
        var config = new GrpoConfig { Updates = 1, BatchSize = 16, NumGenerations = 4, MaxNewTokens = 6, LearningRate = 1e-3, LossType = GrpoLossType.Grpo };

        var whole = Train(config);
        var micro = Train(config with { MicroBatchSize = 3 });

        Assert.Equal(whole[MetricNames.TrainGradientNorm], micro[MetricNames.TrainGradientNorm], 1e-4);
        Assert.Equal(whole[MetricNames.TrainLoss], micro[MetricNames.TrainLoss], 1e-5);

        static IReadOnlyDictionary<string, double> Train(GrpoConfig config)
        {
            using var trainer = new GrpoTrainer(config, TinyModels.Policy(), Prompts, Score);
            return trainer.Train().Single().Metrics;
        }
    }

    [Fact]
    public void Train_UnderAnAdapter_LeavesThePolicyBelowItAlone()
    {
        using var scope = NewDisposeScope();
        var model = TinyModels.Policy();
        var adapter = LoraAdapter.Attach(model, new LoraConfig { R = 4, LoraAlpha = 32, TargetModules = [LoraConfig.AllLinear] }, new Philox(3));
        var config = new GrpoConfig { Updates = 5, BatchSize = 32, NumGenerations = 8, MaxNewTokens = 6, LearningRate = 1e-2, Beta = 0.01 };
        using var trainer = new GrpoTrainer(config, model, Prompts, Score) { Adapter = adapter };

        var history = trainer.Train();

        // At first the adapter changes nothing; afterwards the reference is the model without it.
        Assert.Equal(0, history[0].Metrics[MetricNames.Kl], 1e-5);
        Assert.NotEqual(0, history[^1].Metrics[MetricNames.Kl], 1e-5);
        adapter.Detach();
        Assert.Equal(TinyModels.Bytes(TinyModels.Policy()), TinyModels.Bytes(model));
    }

    [Fact]
    public void Train_RewardsWithoutSpread_TeachNothingAndAreCounted()
    {
        using var scope = NewDisposeScope();
        var model = TinyModels.Policy();
        var config = new GrpoConfig { Updates = 1, BatchSize = 8, NumGenerations = 4, MaxNewTokens = 4, LearningRate = 1e-2 };
        using var trainer = new GrpoTrainer(config, model, Prompts, (_, responses) => [.. responses.Select(_ => 1f)]);

        var metrics = trainer.Train().Single().Metrics;

        Assert.Equal(1, metrics[MetricNames.GroupsWithoutSpread]);
        Assert.Equal(0, metrics[MetricNames.TrainGradientNorm], 1e-6);
    }

    [Fact]
    public void Train_ScoreThatIsNoNumber_StopsTheRun()
    {
        using var scope = NewDisposeScope();
        using var trainer = new RlooTrainer(new RlooConfig { BatchSize = 4, Updates = 1, MaxNewTokens = 4 }, TinyModels.Policy(), Prompts, (_, responses) => [.. responses.Select(_ => float.NaN)]);

        Assert.Contains("NaN", Assert.Throws<TrainingGuardException>(() => trainer.Train()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Config_WithSeveralFaults_NamesThemAll()
    {
        var exception = Assert.Throws<HyperparametersException>(() => HyperparametersJson.Read<GrpoConfig>(
            """{"num_generations": 1, "epsilon": 2, "delta": 1.1, "loss_type": "cispo", "temperature": 0, "batch": 1}"""));

        Assert.Equal(6, exception.Faults.Count);
    }

    private static IReadOnlyList<float> Score(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> responses) =>
        [.. responses.Select(r => r.Count(t => t == 9) / (float)r.Length)];

    private static IReadOnlyList<TrainingProgress> Run(
        string method,
        CausalLanguageModel policy,
        int updates,
        double learningRate = 1e-3,
        string? states = null,
        Action<TrainingProgress>? progress = null,
        CancellationToken stop = default)
    {
        switch (method)
        {
            case "grpo":
                return Train(new GrpoTrainer(With(new GrpoConfig()), policy, Prompts, Score));
            case "grpo-beta-minibatches":
                return Train(new GrpoTrainer(With(new GrpoConfig { Beta = 0.01, NumIterations = 2, MinibatchCount = 2, MicroBatchSize = 5, LossType = GrpoLossType.Grpo }), policy, Prompts, Score));
            case "dr-grpo-gspo":
                return Train(new GrpoTrainer(With(new GrpoConfig { LossType = GrpoLossType.DrGrpo, ScaleRewards = ScaleRewards.None, ImportanceSamplingLevel = ImportanceSamplingLevel.Sequence }), policy, Prompts, Score));
            case "cispo":
                return Train(new GrpoTrainer(With(new GrpoConfig { LossType = GrpoLossType.Cispo, EpsilonHigh = 5, ScaleRewards = ScaleRewards.Batch, MaskTruncatedCompletions = false }), policy, Prompts, Score));
            case "rloo":
                return Train(new RlooTrainer(With(new RlooConfig { NumGenerations = 4, Beta = 0.01 }), policy, Prompts, Score));
            case "reinforce++":
                return Train(new ReinforceTrainer(With(new ReinforceConfig()), policy, Prompts, Score));
            case "reinforce++-baseline":
                return Train(new ReinforceTrainer(With(new ReinforceConfig { Baseline = ReinforceBaseline.Group, NumGenerations = 4 }), policy, Prompts, Score));
            case "remax":
                return Train(new ReinforceTrainer(With(new ReinforceConfig { Baseline = ReinforceBaseline.Greedy }), policy, Prompts, Score));
            case "raft":
                return Train(new RaftTrainer(With(new RaftConfig { NumIterations = 2 }), policy, Prompts, Score));
            case "online-dpo":
                return Train(new OnlineDpoTrainer(With(new OnlineDpoConfig { NumGenerations = 4 }), policy, Prompts, Score));
            case "online-dpo-minibatches":
                return Train(new OnlineDpoTrainer(With(new OnlineDpoConfig { NumGenerations = 4, NumIterations = 2, MinibatchCount = 2, MicroBatchSize = 6 }), policy, Prompts, Score));
            default:
                throw new ArgumentException(method);
        }

        T With<T>(T config)
            where T : OnlineTrainingConfig =>
            config with { Updates = updates, BatchSize = 64, MaxNewTokens = 6, LearningRate = learningRate, SaveEvery = 2 };

        IReadOnlyList<TrainingProgress> Train<T>(OnlineTrainer<T> trainer)
            where T : OnlineTrainingConfig
        {
            using (trainer)
            {
                return trainer.Train(states, progress, stop);
            }
        }
    }
}
