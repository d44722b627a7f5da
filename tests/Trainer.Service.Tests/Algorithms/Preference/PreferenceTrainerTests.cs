using Rlhf.Modeling.Adapters;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using Rlhf.Training.Optimization;
using Trainer.Service.Algorithms.Preference;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Preference;

/// <summary>Whole runs of the preference methods on a tiny random model.</summary>
public sealed class PreferenceTrainerTests
{
    private static readonly PreferenceExample[] Pairs =
    [
        new([2, 3], [4, 5, TinyModels.Eos], [6, TinyModels.Eos]),
        new([6], [7, 8, 9, TinyModels.Eos], [10, 11, TinyModels.Eos]),
        new([10, 11, 12], [13, TinyModels.Eos], [14, 15, 14, TinyModels.Eos]),
        new([3, 2], [14, 15, 14, 15, TinyModels.Eos], [2, TinyModels.Eos]),
        new([8, 9], [5, TinyModels.Eos], [TinyModels.Eos]),
    ];

    private static readonly UnpairedExample[] Answers =
        [.. Pairs.Select(p => new UnpairedExample(p.Prompt, p.Chosen, true)), .. Pairs.Select(p => new UnpairedExample(p.Prompt, p.Rejected, false))];

    public static TheoryData<string> Methods => ["dpo", "dpo-ipo-sft", "kto", "orpo", "simpo"];

    [Theory]
    [MemberData(nameof(Methods))]
    public void Train_FewExamplesManyTimes_PrefersTheChosen(string method)
    {
        using var scope = NewDisposeScope();

        var history = Run(method, TinyModels.Policy(), epochs: 60, learningRate: 5e-3);

        Assert.True(history[^1].Metrics[MetricNames.TrainLoss] < history[0].Metrics[MetricNames.TrainLoss]);
        Assert.True(history[^1].Metrics[MetricNames.ChosenRewards] > history[^1].Metrics[MetricNames.RejectedRewards]);
        if (method != "kto")
        {
            Assert.Equal(1, history[^1].Metrics[MetricNames.RewardAccuracies]);
            Assert.Equal(1, history[^1].Metrics["eval/" + MetricNames.RewardAccuracies]);
        }
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Train_InterruptedAndResumed_EqualsUninterruptedByteForByte(string method)
    {
        using var scope = NewDisposeScope();
        using var straightStates = new TemporaryDirectory();
        using var resumedStates = new TemporaryDirectory();
        var straight = TinyModels.Policy();
        var straightHistory = Run(method, straight, epochs: 6, states: straightStates.Path);

        // A crash between two states, then an orderly stop in the middle of a report's window.
        Assert.Throws<InvalidOperationException>(() => Run(method, TinyModels.Policy(), epochs: 6, states: resumedStates.Path, progress: p => _ = p.Step == 4 ? throw new InvalidOperationException("crash") : 0));
        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Run(
            method, TinyModels.Policy(), epochs: 6, states: resumedStates.Path, progress: p => { if (p.Step == 6) { stop.Cancel(); } }, stop: stop.Token));
        var resumed = TinyModels.Policy();
        var resumedHistory = Run(method, resumed, epochs: 6, states: resumedStates.Path);

        Assert.Equal(TinyModels.Bytes(straight), TinyModels.Bytes(resumed));
        Assert.Equal(TinyModels.NewestState(straightStates.Path), TinyModels.NewestState(resumedStates.Path));
        Assert.Equal(straightHistory.Select(h => h.Metrics), resumedHistory.Select(h => h.Metrics));
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Train_MicroBatches_GiveTheWholeBatchStep(string method)
    {
        using var scope = NewDisposeScope();

        var whole = Run(method, TinyModels.Policy(), epochs: 4, batchSize: 5);
        var micro = Run(method, TinyModels.Policy(), epochs: 4, batchSize: 5, microBatchSize: 2);

        Assert.Equal(whole[^1].Metrics.Keys, micro[^1].Metrics.Keys);
        Assert.All(whole[^1].Metrics, m => Assert.Equal(m.Value, micro[^1].Metrics[m.Key], 1e-4 * Math.Max(1, Math.Abs(m.Value))));
    }

    [Fact]
    public void Dpo_FirstStep_HasNoRewardYetAndTheLossOfACoin()
    {
        using var scope = NewDisposeScope();

        var first = new DpoTrainer(new DpoConfig { BatchSize = 5 }, TinyModels.Policy(), Pairs).Train().Single().Metrics;

        // The policy is its own reference: every log-ratio is 0 and −log σ(0) = log 2.
        Assert.Equal(Math.Log(2), first[MetricNames.TrainLoss], 1e-6);
        Assert.Equal(0, first[MetricNames.ChosenRewards], 1e-6);
        Assert.Equal(0, first[MetricNames.RejectedRewards], 1e-6);
    }

    [Fact]
    public void Dpo_UnderAnAdapter_TrainsTheAdapterAloneAgainstTheModelWithoutIt()
    {
        using var scope = NewDisposeScope();
        var model = TinyModels.Policy();
        var adapter = LoraAdapter.Attach(model, new LoraConfig { R = 4, LoraAlpha = 32, TargetModules = [LoraConfig.AllLinear] }, new Philox(3));
        var config = new DpoConfig { BatchSize = 5, Epochs = 40, LearningRate = 2e-2, Schedule = ScheduleKind.Constant, Beta = 1 };

        var history = new DpoTrainer(config, model, Pairs) { Adapter = adapter }.Train();
        var again = new DpoTrainer(config with { Epochs = 1 }, model, Pairs) { Adapter = adapter }.Train();

        Assert.Equal(Math.Log(2), history[0].Metrics[MetricNames.TrainLoss], 1e-6);
        Assert.True(history[^1].Metrics[MetricNames.TrainLoss] < 0.5);

        // A second run begins with a trained adapter; the reference is still the model without it.
        Assert.True(again[0].Metrics[MetricNames.ChosenRewards] > again[0].Metrics[MetricNames.RejectedRewards]);
        adapter.Detach();
        Assert.Equal(TinyModels.Bytes(TinyModels.Policy()), TinyModels.Bytes(model));
    }

    [Fact]
    public void Dpo_ChosenCompletionsBecomingUnlikely_IsToldWithItsCure()
    {
        using var scope = NewDisposeScope();
        var warnings = new List<string>();

        // Both completions of a pair begin alike, so pushing the rejected one down takes the chosen one with it.
        PreferenceExample[] alike = [.. Enumerable.Range(2, 6).Select(i => new PreferenceExample([i], [3, 4, 5, 6, 7, 8, 9, TinyModels.Eos], [3, 4, 5, 6, 7, 8, 9, 10]))];
        new DpoTrainer(
            new DpoConfig { BatchSize = 6, Epochs = 60, LearningRate = 3e-2, LossType = [DpoLossType.ApoDown], Beta = 1 },
            TinyModels.Policy(),
            alike) { Warn = warnings.Add }.Train();

        Assert.Contains(warnings, w => w.Contains("log-probability of the chosen completions", StringComparison.Ordinal) && w.Contains("sft", StringComparison.Ordinal));
    }

    [Fact]
    public void Config_WithSeveralFaults_NamesThemAll()
    {
        var exception = Assert.Throws<HyperparametersException>(() => HyperparametersJson.Read<DpoConfig>(
            """{"beta": 0, "loss_type": ["exo_pair", "aot"], "loss_weights": [1], "micro_batch_size": 2, "epochs": 0, "speed": 1}"""));

        Assert.Equal(6, exception.Faults.Count);
        Assert.Throws<HyperparametersException>(() => HyperparametersJson.Read<DpoConfig>("""{"loss_type": ["best"]}"""));
    }

    [Fact]
    public void Constructors_ExamplesThatDoNotFit_AreRefusedByNumber()
    {
        using var scope = NewDisposeScope();
        var model = TinyModels.Policy();

        Assert.Contains("Example 1", Assert.Throws<ArgumentException>(() => new OrpoTrainer(new OrpoConfig(), model, [Pairs[0], new([1], new int[64], [1])])).Message, StringComparison.Ordinal);
        Assert.Contains("empty completion", Assert.Throws<ArgumentException>(() => new SimpoTrainer(new SimpoConfig(), model, [new([1], [], [1])])).Message, StringComparison.Ordinal);
        Assert.Contains("at least two", Assert.Throws<ArgumentException>(() => new KtoTrainer(new KtoConfig(), model, [Answers[0]])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new DpoTrainer(new DpoConfig(), model, []));
    }

    private static IReadOnlyList<TrainingProgress> Run(
        string method,
        CausalLanguageModel model,
        int epochs,
        double learningRate = 1e-3,
        int batchSize = 3,
        int microBatchSize = 0,
        string? states = null,
        Action<TrainingProgress>? progress = null,
        CancellationToken stop = default)
    {
        return method switch
        {
            "dpo" => new DpoTrainer(With(new DpoConfig { LdAlpha = 0.5 }), model, Pairs, Pairs).Train(states, progress, stop),
            "dpo-ipo-sft" => new DpoTrainer(With(new DpoConfig { LossType = [DpoLossType.Ipo, DpoLossType.Sft], LossWeights = [0.05, 1] }), model, Pairs, Pairs).Train(states, progress, stop),
            "kto" => new KtoTrainer(With(new KtoConfig()), model, Answers, Answers).Train(states, progress, stop),
            "orpo" => new OrpoTrainer(With(new OrpoConfig { Beta = 0.5 }), model, Pairs, Pairs).Train(states, progress, stop),
            "simpo" => new SimpoTrainer(With(new SimpoConfig { CpoAlpha = 0.1 }), model, Pairs, Pairs).Train(states, progress, stop),
            _ => throw new ArgumentException(method),
        };

        T With<T>(T config)
            where T : Rlhf.Training.Offline.OfflineTrainingConfig =>
            config with { Epochs = epochs, BatchSize = batchSize, MicroBatchSize = microBatchSize, LearningRate = learningRate, ReportEvery = 2, SaveEvery = 3 };
    }
}
