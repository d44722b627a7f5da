using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using TorchSharp;
using Trainer.Service.Algorithms.Pretraining;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Pretraining;

/// <summary>Whole pretraining runs of a tiny random model.</summary>
public sealed class PretrainTrainerTests
{
    private static readonly string[] Documents = ["one two three four five", "six seven eight nine ten", "a b c", "one two one two one two"];

    private static readonly Tokenizer Tokenizer = BpeTrainer.Train(Documents, 270, ["<|endoftext|>"]);

    private static readonly PretrainConfig Config = new()
    {
        Steps = 12, ContextLength = 16, BatchSize = 4, LearningRate = 1e-2, WarmupSteps = 2, ReportEvery = 5, SaveEvery = 4,
    };

    [Fact]
    public void Train_FewDocuments_AreLearned()
    {
        using var scope = NewDisposeScope();

        var history = Trainer(Config with { Steps = 150 }, Model()).Train();

        // log 270 = 5.6 before the first step.
        Assert.InRange(history[0].Metrics[MetricNames.TrainLoss], 4, 6);
        Assert.True(history[^1].Metrics[MetricNames.TrainLoss] < 1, $"the loss ended at {history[^1].Metrics[MetricNames.TrainLoss]:f3}");
        Assert.Equal(150 * 4 * 16, history[^1].Metrics[MetricNames.TrainTokens]);
    }

    [Fact]
    public void Train_InterruptedAndResumed_EqualsUninterruptedByteForByte()
    {
        using var scope = NewDisposeScope();
        using var straightStates = new TemporaryDirectory();
        using var resumedStates = new TemporaryDirectory();
        var straight = Model();
        var straightHistory = Trainer(Config, straight).Train(straightStates.Path);

        // The crash at the report of step 10 leaves the state of step 8, in the middle of a report's window.
        Assert.Throws<InvalidOperationException>(() => Trainer(Config, Model()).Train(
            resumedStates.Path, p => _ = p.Step == 10 ? throw new InvalidOperationException("crash") : 0));
        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Trainer(Config, Model()).Train(
            resumedStates.Path, p => { if (p.Step == 10) { stop.Cancel(); } }, stop.Token));
        var resumed = Model();
        var resumedHistory = Trainer(Config, resumed).Train(resumedStates.Path);

        Assert.Equal(TinyModels.Bytes(straight), TinyModels.Bytes(resumed));
        Assert.Equal(TinyModels.NewestState(straightStates.Path), TinyModels.NewestState(resumedStates.Path));
        Assert.Equal(straightHistory.Select(h => h.Metrics), resumedHistory.Select(h => h.Metrics));
    }

    [Fact]
    public void Train_ContextLongerThanTheModel_IsRefused()
    {
        using var scope = NewDisposeScope();

        var exception = Assert.Throws<HyperparametersException>(() => Trainer(Config with { ContextLength = 65 }, Model()).Train());

        Assert.Contains("context_length is 65", exception.Message, StringComparison.Ordinal);
    }

    private static CausalLanguageModel Model() => TinyModels.Policy(vocabSize: Tokenizer.VocabSize);

    private static PretrainTrainer Trainer(PretrainConfig config, CausalLanguageModel model) =>
        new(config, model, Tokenizer, index => Documents[index], Documents.Length);
}
