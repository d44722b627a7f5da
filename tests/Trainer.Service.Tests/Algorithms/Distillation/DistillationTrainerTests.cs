using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using Rlhf.Training.Optimization;
using Trainer.Service.Algorithms.Distillation;
using Trainer.Service.Algorithms.Sft;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Distillation;

public sealed class DistillationTrainerTests
{
    internal static readonly SftExample[] Examples =
    [
        new([2, 3], [4, 5, TinyModels.Eos]),
        new([6], [7, 8, 9, TinyModels.Eos]),
        new([10, 11, 12], [13, TinyModels.Eos]),
        new([3, 2], [14, 15, 14, 15, TinyModels.Eos]),
        new([8, 9], [TinyModels.Eos]),
    ];

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.5, 0.5)]
    [InlineData(1, 0)]
    public void Train_AnotherRandomModel_ComesNearTheTeacher(double beta, double lmbda)
    {
        using var scope = NewDisposeScope();
        var config = new DistillationConfig { Beta = beta, Lmbda = lmbda, MaxNewTokens = 8, Epochs = 120, BatchSize = 5, LearningRate = 1e-2, EvaluateEvery = 1, SaveEvery = 1000 };

        var history = new DistillationTrainer(config, TinyModels.Policy(1), TinyModels.Policy(2), Examples, Examples).Train();

        var (first, last) = (history[0].Metrics[MetricNames.EvaluationLoss], history[^1].Metrics[MetricNames.EvaluationLoss]);
        Assert.True(last < 0.1 * first, $"the divergence went from {first:g3} to {last:g3}");
    }

    [Fact]
    public void Train_SequenceLevel_LearnsTheTeachersAnswers()
    {
        using var scope = NewDisposeScope();

        // A teacher that has learned the examples by heart answers with them; the student sees prompts only.
        var teacher = TinyModels.Policy(2);
        new SftTrainer(new SftConfig { Epochs = 200, BatchSize = 5, LearningRate = 1e-2, Schedule = ScheduleKind.Constant }, teacher, Examples).Train();
        SftExample[] prompts = [.. Examples.Select(e => e with { Completion = [] })];
        var config = new DistillationConfig { SeqKd = true, MaxNewTokens = 8, Epochs = 200, BatchSize = 5, LearningRate = 1e-2 };

        var history = new DistillationTrainer(config, TinyModels.Policy(1), teacher, prompts, Examples).Train();

        Assert.True(history[^1].Metrics[MetricNames.EvaluationLoss] < 0.2, $"the loss ended at {history[^1].Metrics[MetricNames.EvaluationLoss]:f3}");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Train_InterruptedAndResumed_EqualsUninterruptedByteForByte(bool seqKd)
    {
        using var scope = NewDisposeScope();
        using var straightStates = new TemporaryDirectory();
        using var resumedStates = new TemporaryDirectory();
        var config = new DistillationConfig { SeqKd = seqKd, MaxNewTokens = 6, Epochs = 6, BatchSize = 3, MicroBatchSize = 2, LearningRate = 1e-2, SaveEvery = 3 };
        var straight = TinyModels.Policy(1);
        var straightHistory = new DistillationTrainer(config, straight, TinyModels.Policy(2), Examples).Train(straightStates.Path);

        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => new DistillationTrainer(config, TinyModels.Policy(1), TinyModels.Policy(2), Examples).Train(
            resumedStates.Path, p => { if (p.Step == 4) { stop.Cancel(); } }, stop.Token));
        var resumed = TinyModels.Policy(1);
        var resumedHistory = new DistillationTrainer(config, resumed, TinyModels.Policy(2), Examples).Train(resumedStates.Path);

        Assert.Equal(TinyModels.Bytes(straight), TinyModels.Bytes(resumed));
        Assert.Equal(TinyModels.NewestState(straightStates.Path), TinyModels.NewestState(resumedStates.Path));
        Assert.Equal(straightHistory.Select(h => h.Metrics), resumedHistory.Select(h => h.Metrics));
    }

    [Fact]
    public void Create_WithUnusableSettings_NamesThem()
    {
        using var scope = NewDisposeScope();
        var config = Assert.Throws<HyperparametersException>(() =>
            new DistillationTrainer(new DistillationConfig { Beta = 2, Lmbda = -1, Temperature = 0 }, TinyModels.Policy(), TinyModels.Policy(), Examples));
        Assert.Contains("beta is 2; it must lie in [0, 1].", config.Message, StringComparison.Ordinal);
        Assert.Contains("lmbda is -1", config.Message, StringComparison.Ordinal);
        Assert.Contains("temperature is 0", config.Message, StringComparison.Ordinal);

        var models = Assert.Throws<HyperparametersException>(() =>
            new DistillationTrainer(new DistillationConfig { MaxNewTokens = 64 }, TinyModels.Policy(), TinyModels.Policy(vocabSize: 20), Examples));
        Assert.Contains("the student's vocabulary has 16 tokens, the teacher's 20", models.Message, StringComparison.Ordinal);
        Assert.Contains("max_new_tokens is 64; with the longest prompt (3 tokens)", models.Message, StringComparison.Ordinal);

        SftExample[] prompts = [new([2], [])];
        Assert.Throws<ArgumentException>(() => new DistillationTrainer(new DistillationConfig { MaxNewTokens = 8 }, TinyModels.Policy(), TinyModels.Policy(), prompts));
    }
}
