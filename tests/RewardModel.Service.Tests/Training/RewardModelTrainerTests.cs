using System.Runtime.InteropServices;
using RewardModel.Service.Training;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Training.Evaluation;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using Rlhf.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace RewardModel.Service.Tests.Training;

/// <summary>Whole reward-model runs of a tiny random model.</summary>
public sealed class RewardModelTrainerTests
{
    // The side with more fives is preferred.
    private static readonly PreferencePair[] Pairs =
    [
        new([2, 3], [5, 5, 1], [6, 7, 1]),
        new([4], [5, 1], [8, 1]),
        new([2], [5, 5, 5, 1], [9, 10, 1]),
        new([3, 4], [5, 6, 1], [6, 11, 7, 1]),
        new([7], [12, 5, 1], [12, 13, 1]),
        new([8, 9], [5, 14, 1], [14, 15, 1]),
        new([10], [5, 5, 1], [1]),
        new([11, 12], [13, 5, 5, 1], [13, 2, 1]),
    ];

    private static readonly RewardModelConfig Config = new() { Epochs = 60, BatchSize = 8, LearningRate = 3e-3, Schedule = ScheduleKind.Constant };

    [Fact]
    public void Train_EightPairs_AreLearnedByHeart()
    {
        using var scope = NewDisposeScope();
        var model = Model();

        var result = new RewardModelTrainer(Config, model, Pairs, Pairs).Train();

        // −log σ(0) = 0.693 where nothing is known.
        Assert.InRange(result.History[0].Metrics[MetricNames.RewardLoss], 0.6, 0.8);
        Assert.True(result.History[^1].Metrics[MetricNames.RewardLoss] < 0.1);
        Assert.Equal(1, result.History[^1].Metrics[MetricNames.RewardAccuracy]);
        Assert.Equal(1, result.HeldOut.Accuracy.Value);
        Assert.Equal(8, result.HeldOut.Decided);
        Assert.Equal(Statistics.Wilson(8, 8), result.HeldOut.Accuracy);
    }

    [Fact]
    public void Train_Finished_HasMeanScoreZeroOnTheTrainingCompletions()
    {
        using var scope = NewDisposeScope();
        var model = Model();

        var result = new RewardModelTrainer(Config with { Epochs = 3 }, model, Pairs, []).Train();

        var scores = SequenceScorer.Score(
            model, [.. Pairs.Select(p => (int[])[.. p.Prompt, .. p.Chosen]), .. Pairs.Select(p => (int[])[.. p.Prompt, .. p.Rejected])], padId: 0);
        Assert.Equal(result.ScoreBias, model.ScoreBias);
        Assert.NotEqual(0, model.ScoreBias);
        Assert.Equal(0, scores.Average(), 1e-5);
        Assert.Equal(0, result.HeldOut.Decided);
    }

    [Fact]
    public void Train_Demonstrations_DecideTheBias()
    {
        using var scope = NewDisposeScope();
        var model = Model();
        int[][] demonstrations = [[2, 3, 4, 1]];

        new RewardModelTrainer(Config with { Epochs = 1 }, model, Pairs, [], demonstrations).Train();

        Assert.Equal(0, SequenceScorer.Score(model, demonstrations, padId: 0).Single(), 1e-6);
    }

    [Fact]
    public void Train_OnlyTies_DrawScoresTogether()
    {
        using var scope = NewDisposeScope();
        var model = Model();

        // Labels of ½ know no side: the least loss, log 2, is at equal scores.
        var history = new RewardModelTrainer(Config, model, [.. Pairs.Select(p => p with { IsTie = true })], []).Train().History;

        Assert.Equal(Math.Log(2), history[^1].Metrics[MetricNames.RewardLoss], 1e-3);
        Assert.False(history[^1].Metrics.ContainsKey(MetricNames.RewardAccuracy));
    }

    [Fact]
    public void Train_InterruptedAndResumed_EqualsUninterruptedByteForByte()
    {
        using var scope = NewDisposeScope();
        var straightStates = Directory.CreateTempSubdirectory("rlhf-reward-").FullName;
        var resumedStates = Directory.CreateTempSubdirectory("rlhf-reward-").FullName;
        try
        {
            var config = Config with { Epochs = 5, BatchSize = 3, ReportEvery = 2, EvaluateEvery = 5, SaveEvery = 3 };
            var straight = Model();
            var straightResult = new RewardModelTrainer(config, straight, Pairs, Pairs).Train(straightStates);

            using var stop = new CancellationTokenSource();
            Assert.Throws<OperationCanceledException>(() => new RewardModelTrainer(config, Model(), Pairs, Pairs).Train(
                resumedStates, p => { if (p.Step == 5) { stop.Cancel(); } }, stop.Token));
            Assert.Throws<InvalidOperationException>(() => new RewardModelTrainer(config, Model(), Pairs, Pairs).Train(
                resumedStates, p => _ = p.Step == 8 ? throw new InvalidOperationException("crash") : 0));
            var resumed = Model();
            var resumedResult = new RewardModelTrainer(config, resumed, Pairs, Pairs).Train(resumedStates);

            Assert.Equal(Bytes(straight), Bytes(resumed));
            Assert.Equal(straightResult.ScoreBias, resumedResult.ScoreBias);
            Assert.Equal(straightResult.HeldOut, resumedResult.HeldOut);
            Assert.Equal(straightResult.History.Select(h => h.Metrics), resumedResult.History.Select(h => h.Metrics));
            Assert.Equal(NewestState(straightStates), NewestState(resumedStates));
        }
        finally
        {
            Directory.Delete(straightStates, recursive: true);
            Directory.Delete(resumedStates, recursive: true);
        }
    }

    [Fact]
    public void SequenceScorer_BatchesOfAnySize_EqualTheModelsOwnScores()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var model = Model();
        model.ScoreBias = 0.25;
        int[][] rows = [[2, 3, 4, 1], [5], [6, 7, 8, 9, 10, 1]];

        var expected = rows.Select(r => model.Scores(tensor(r.Select(t => (long)t).ToArray(), [1, r.Length]), ones(1, r.Length, int64)).item<float>()).ToArray();

        foreach (var batchSize in new[] { 1, 2, 3 })
        {
            var scores = SequenceScorer.Score(model, rows, padId: 0, batchSize);
            for (var i = 0; i < rows.Length; i++)
            {
                Assert.Equal(expected[i], scores[i], 1e-5f);
            }
        }
    }

    [Fact]
    public void Constructor_BadInput_IsRefused()
    {
        using var scope = NewDisposeScope();
        var model = Model();

        Assert.Throws<ArgumentException>(() => new RewardModelTrainer(Config, model, [], []));
        Assert.Throws<ArgumentException>(() => new RewardModelTrainer(Config, model, [new([1], new int[64], [1])], []));
        var exception = Assert.Throws<HyperparametersException>(
            () => new RewardModelTrainer(Config with { Epochs = 0, Centering = -1 }, model, Pairs, []));
        Assert.Equal(2, exception.Faults.Count);
    }

    private static ScalarHeadModel Model()
    {
        var policy = new CausalLanguageModel(new TransformerConfig
        {
            VocabSize = 16,
            HiddenSize = 16,
            IntermediateSize = 32,
            NumHiddenLayers = 2,
            NumAttentionHeads = 2,
            NumKeyValueHeads = 1,
            HeadDim = 8,
            MaxPositionEmbeddings = 64,
            EosTokenIds = [1],
            PadTokenId = 0,
        });
        policy.Initialize(new Philox(1));
        return ScalarHeadModel.FromCausal(policy, new Philox(2));
    }

    private static byte[] Bytes(nn.Module module) =>
        [.. module.named_parameters().SelectMany(p => MemoryMarshal.AsBytes(p.parameter.detach().data<float>().ToArray().AsSpan()).ToArray())];

    private static byte[][] NewestState(string directory) =>
        [.. Directory.GetFiles(Directory.GetDirectories(directory).Order(StringComparer.Ordinal).Last()).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];
}
