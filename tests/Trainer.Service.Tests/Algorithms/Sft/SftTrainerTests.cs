using Rlhf.Training.Metrics;
using Rlhf.Training.Optimization;
using TorchSharp;
using Trainer.Service.Algorithms.Sft;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Sft;

/// <summary>Whole fine-tuning runs of a tiny random model.</summary>
public sealed class SftTrainerTests
{
    private static readonly SftExample[] Examples =
    [
        new([2, 3], [4, 5, TinyModels.Eos]),
        new([6], [7, 8, 9, TinyModels.Eos]),
        new([10, 11, 12], [13, TinyModels.Eos]),
        new([3, 2], [14, 15, 14, 15, TinyModels.Eos]),
        new([8, 9], [TinyModels.Eos]),
    ];

    [Fact]
    public void Train_OneBatchManyTimes_IsLearnedByHeart()
    {
        using var scope = NewDisposeScope();

        var history = new SftTrainer(
            new SftConfig { Epochs = 150, BatchSize = 5, LearningRate = 1e-2, Schedule = ScheduleKind.Constant },
            TinyModels.Policy(),
            Examples,
            Examples).Train();

        // log 16 = 2.77 before the first step.
        Assert.InRange(history[0].Metrics[MetricNames.TrainLoss], 2.5, 3.2);
        Assert.True(history[^1].Metrics[MetricNames.TrainLoss] < 0.05, $"the loss ended at {history[^1].Metrics[MetricNames.TrainLoss]:f3}");
        Assert.True(history[^1].Metrics[MetricNames.EvaluationLoss] < 0.05);
    }

    [Fact]
    public void Train_InterruptedAndResumed_EqualsUninterruptedByteForByte()
    {
        using var scope = NewDisposeScope();
        using var straightStates = new TemporaryDirectory();
        using var resumedStates = new TemporaryDirectory();
        var config = new SftConfig { Epochs = 6, BatchSize = 3, MicroBatchSize = 2, LearningRate = 1e-2, ReportEvery = 2, SaveEvery = 3 };
        var straight = TinyModels.Policy();
        var straightHistory = new SftTrainer(config, straight, Examples).Train(straightStates.Path);

        // Stopped in the middle of a report's window, after step 5, whose first step is part of the running sum.
        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => new SftTrainer(config, TinyModels.Policy(), Examples).Train(
            resumedStates.Path, p => { if (p.Step == 4) { stop.Cancel(); } }, stop.Token));
        Assert.Throws<InvalidOperationException>(() => new SftTrainer(config, TinyModels.Policy(), Examples).Train(
            resumedStates.Path, p => _ = p.Step == 8 ? throw new InvalidOperationException("crash") : 0));
        var resumed = TinyModels.Policy();
        var resumedHistory = new SftTrainer(config, resumed, Examples).Train(resumedStates.Path);

        Assert.Equal(TinyModels.Bytes(straight), TinyModels.Bytes(resumed));
        Assert.Equal(TinyModels.NewestState(straightStates.Path), TinyModels.NewestState(resumedStates.Path));
        Assert.Equal(straightHistory.Select(h => h.Metrics), resumedHistory.Select(h => h.Metrics));
    }

    [Fact]
    public void Train_MicroBatchesOfUnequalLength_GiveTheWholeBatchStep()
    {
        using var scope = NewDisposeScope();
        var config = new SftConfig { Epochs = 4, BatchSize = 5, LearningRate = 1e-3 };

        var whole = new SftTrainer(config, TinyModels.Policy(), Examples).Train();
        var micro = new SftTrainer(config with { MicroBatchSize = 1 }, TinyModels.Policy(), Examples).Train();

        Assert.Equal(whole[^1].Metrics[MetricNames.TrainLoss], micro[^1].Metrics[MetricNames.TrainLoss], 1e-5);
        Assert.Equal(whole[^1].Metrics[MetricNames.TrainGradientNorm], micro[^1].Metrics[MetricNames.TrainGradientNorm], 1e-4);
    }

    [Fact]
    public void Train_PromptTokens_AreNoLabels()
    {
        using var scope = NewDisposeScope();

        // Steps count labels: 3 + 4 + 2 + 5 + 1.
        var history = new SftTrainer(new SftConfig { BatchSize = 5 }, TinyModels.Policy(), Examples).Train();

        Assert.Equal(15, history.Single().Metrics[MetricNames.TrainTokens]);
    }

    [Fact]
    public void Constructor_DemonstrationLongerThanTheModel_IsRefused()
    {
        using var scope = NewDisposeScope();

        Assert.Throws<ArgumentException>(() => new SftTrainer(new SftConfig(), TinyModels.Policy(), [new([1], new int[64])]));
    }
}
