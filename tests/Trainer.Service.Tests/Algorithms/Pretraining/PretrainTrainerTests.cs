using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Batching;
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

        var history = Trainer(Config with { Steps = 150, IntraDocumentMasking = false }, Model()).Train();

        // log 270 = 5.6 before the first step.
        Assert.InRange(history[0].Metrics[MetricNames.TrainLoss], 4, 6);
        Assert.True(history[^1].Metrics[MetricNames.TrainLoss] < 1, $"the loss ended at {history[^1].Metrics[MetricNames.TrainLoss]:f3}");
        Assert.Equal(150 * 4 * 16, history[^1].Metrics[MetricNames.TrainTokens]);
    }

    [Fact]
    public void Train_DocumentsApart_AreLearnedAndTheirFirstTokensAreNoLabels()
    {
        using var scope = NewDisposeScope();

        var history = Trainer(Config with { Steps = 150 }, Model()).Train();

        // What remains is which of two documents with the same beginning goes on.
        Assert.True(history[^1].Metrics[MetricNames.TrainLoss] < 1, $"the loss ended at {history[^1].Metrics[MetricNames.TrainLoss]:f3}");
        Assert.InRange(history[^1].Metrics[MetricNames.TrainTokens], 1, (150 * 4 * 16) - 1);
    }

    // One context of packed documents: the loss is that of its pieces, each alone in a row.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Loss_PackedDocuments_HasValueAndGradientsOfSeparateOnes(ulong seed)
    {
        using var scope = NewDisposeScope();
        const int Blocks = 3, Context = 32;
        var eos = Tokenizer.EosTokenId!.Value;
        var packer = new DocumentPacker(i => Tokenizer.Encode(Documents[i], addSpecialTokens: false), Documents.Length, Context, eos, seed);
        var batch = PretrainBatch.Next(packer, Blocks, Context, separate: true);
        var ids = batch.InputIds_BC.data<long>().ToArray();
        var documents = batch.SequenceIds_BC!.data<long>().ToArray();
        var labels = batch.LabelIds_N.data<long>().ToArray();
        Assert.True(documents.Distinct().Count() > 2, "no block has several documents");

        var model = Model();
        var packed = PretrainLoss.Compute(model, batch);
        packed.backward();
        var gradients = model.named_parameters().ToDictionary(p => p.name, p => p.parameter.grad!.data<float>().ToArray());
        var alone = Model();
        var sum = zeros(1);
        var taken = 0;
        foreach (var piece in Enumerable.Range(0, ids.Length).GroupBy(i => (Block: i / Context, Document: documents[i])))
        {
            var tokens = piece.Select(i => ids[i]).ToArray();

            // The label after a piece that the block's end cuts is the block's extra token, which the batch has last for this block.
            var isCut = piece.Last() % Context == Context - 1 && tokens[^1] != eos;
            var targets = tokens[1..].Concat(isCut ? [labels[taken + tokens.Length - 1]] : Array.Empty<long>()).ToArray();
            Assert.Equal(targets, labels[taken..(taken + targets.Length)]);
            taken += targets.Length;
            if (targets.Length > 0)
            {
                var states = alone.Hidden(tensor(tokens, [1, tokens.Length])).narrow(1, 0, targets.Length);
                sum = sum - alone.Logprobs(states.reshape(targets.Length, -1), tensor(targets)).Logprobs_N.sum();
            }
        }

        var separate = sum / (double)taken;
        separate.sum().backward();

        Assert.Equal(labels.Length, taken);
        Assert.Equal(separate.item<float>(), packed.item<float>(), 1e-5f);
        foreach (var (name, parameter) in alone.named_parameters())
        {
            Assert.All(parameter.grad!.data<float>().ToArray().Zip(gradients[name]), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
        }
    }

    [Fact]
    public void Next_EmptyDocuments_AreRefused()
    {
        using var scope = NewDisposeScope();
        var packer = new DocumentPacker(_ => [], documentCount: null, context: 4, endOfText: 1, seed: 1);

        Assert.Throws<InvalidDataException>(() => PretrainBatch.Next(packer, blocks: 2, context: 4, separate: true));
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
