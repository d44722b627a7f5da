using System.Runtime.InteropServices;
using RewardModel.Service.Training;
using Rlhf.Modeling.Adapters;
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
    private static readonly RankedCompletions[] Pairs =
    [
        RankedCompletions.Pair([2, 3], [5, 5, 1], [6, 7, 1]),
        RankedCompletions.Pair([4], [5, 1], [8, 1]),
        RankedCompletions.Pair([2], [5, 5, 5, 1], [9, 10, 1]),
        RankedCompletions.Pair([3, 4], [5, 6, 1], [6, 11, 7, 1]),
        RankedCompletions.Pair([7], [12, 5, 1], [12, 13, 1]),
        RankedCompletions.Pair([8, 9], [5, 14, 1], [14, 15, 1]),
        RankedCompletions.Pair([10], [5, 5, 1], [1]),
        RankedCompletions.Pair([11, 12], [13, 5, 5, 1], [13, 2, 1]),
    ];

    private static readonly RankedCompletions[] Rankings =
    [
        new([2], [[5, 5, 5, 1], [5, 5, 1], [5, 1], [6, 1]], [1, 2, 3, 4]),
        new([3], [[5, 5, 7, 1], [5, 8, 1], [8, 9, 1]], [1, 2, 3]),
        RankedCompletions.Pair([4], [5, 1], [10, 1]),
    ];

    private static readonly RewardModelConfig Config = new() { Epochs = 60, BatchSize = 8, LearningRate = 3e-3, Schedule = ScheduleKind.Constant };

    [Fact]
    public void Train_EightPairs_AreLearnedByHeart()
    {
        using var scope = NewDisposeScope();
        using var training = new RewardModelTraining(Config, Body(), Pairs, Pairs);

        var result = training.Train();

        // −log σ(0) = 0.693 where nothing is known; a random head's scores differ by a few tenths.
        Assert.InRange(result.History[0].Metrics[MetricNames.RewardLoss], 0.5, 0.9);
        Assert.True(result.History[^1].Metrics[MetricNames.RewardLoss] < 0.1);
        Assert.Equal(1, result.History[^1].Metrics[MetricNames.RewardAccuracy]);
        Assert.Equal(1, result.HeldOut.Accuracy.Value);
        Assert.Equal(8, result.HeldOut.Decided);
        Assert.Equal(Statistics.Wilson(8, 8), result.HeldOut.Accuracy);
    }

    [Theory]
    [InlineData(RewardLossType.BradleyTerry)]
    [InlineData(RewardLossType.KWise)]
    [InlineData(RewardLossType.PlackettLuce)]
    [InlineData(RewardLossType.Davidson)]
    public void Train_Rankings_AreLearnedWithEveryLoss(RewardLossType loss)
    {
        using var scope = NewDisposeScope();
        using var training = new RewardModelTraining(Config with { Loss = loss, BatchSize = 3 }, Body(), Rankings, Rankings);

        var result = training.Train();

        // 6 + 3 + 1 comparisons.
        Assert.Equal(10, result.HeldOut.Decided);
        Assert.Equal(1, result.HeldOut.Accuracy.Value);
    }

    [Fact]
    public void Train_Finished_HasMeanScoreZeroOnTheTrainingCompletions()
    {
        using var scope = NewDisposeScope();
        using var training = new RewardModelTraining(Config with { Epochs = 3 }, Body(), Pairs, []);

        var result = training.Train();

        var model = training.Ensemble.Members.Single();
        var scores = training.Ensemble.Score(
            [.. Pairs.Select(p => (int[])[.. p.Prompt, .. p.Chosen]), .. Pairs.Select(p => (int[])[.. p.Prompt, .. p.Rejected])]).Scores;
        Assert.Equal(result.ScoreBiases, [model.ScoreBias]);
        Assert.NotEqual(0, model.ScoreBias);
        Assert.Equal(0, scores.Average(), 1e-5);
        Assert.Equal(0, result.HeldOut.Decided);
        Assert.Null(result.Calibration);
    }

    [Fact]
    public void Train_Demonstrations_DecideTheBias()
    {
        using var scope = NewDisposeScope();
        int[][] demonstrations = [[2, 3, 4, 1]];
        using var training = new RewardModelTraining(Config with { Epochs = 1 }, Body(), Pairs, [], demonstrations);

        training.Train();

        Assert.Equal(0, training.Ensemble.Score(demonstrations).Means.Single(), 1e-6);
    }

    [Fact]
    public void Train_OnlyTies_DrawScoresTogether()
    {
        using var scope = NewDisposeScope();
        using var training = new RewardModelTraining(Config, Body(), [.. Pairs.Select(p => p with { Ranks = [1, 1] })], []);

        // Labels of ½ know no side: the least loss, log 2, is at equal scores.
        var history = training.Train().History;

        Assert.Equal(Math.Log(2), history[^1].Metrics[MetricNames.RewardLoss], 1e-3);
        Assert.False(history[^1].Metrics.ContainsKey(MetricNames.RewardAccuracy));
    }

    [Fact]
    public void Train_LabelsOfFewAnnotators_CountLess()
    {
        using var scope = NewDisposeScope();

        // The second half says the opposite of the first, with the same prompts and completions.
        RankedCompletions[] disputed =
        [
            .. Pairs.Select(p => p with { Agreement = 0.9, Annotators = 10 }),
            .. Pairs.Select(p => p with { Completions = [p.Rejected, p.Chosen], Agreement = 0.1, Annotators = 10 }),
        ];
        double Accuracy(LabelWeights weights)
        {
            using var training = new RewardModelTraining(Config with { LabelWeights = weights, BatchSize = 16 }, Body(), disputed, disputed[..8]);
            var held = training.Train().HeldOut;

            // (0.9·10 − 1)/9: of the nine others, eight agree.
            Assert.Equal(8.0 / 9, held.HumanAgreement!.Value, 1e-12);
            return held.Accuracy.Value;
        }

        Assert.Equal(1, Accuracy(LabelWeights.Agreement));
        Assert.True(Accuracy(LabelWeights.Uniform) < 1);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(2, true)]
    public void Train_InterruptedAndResumed_EqualsUninterruptedByteForByte(int members, bool lora)
    {
        using var scope = NewDisposeScope();
        var straightStates = Directory.CreateTempSubdirectory("rlhf-reward-").FullName;
        var resumedStates = Directory.CreateTempSubdirectory("rlhf-reward-").FullName;
        try
        {
            var config = Config with { Epochs = 5, BatchSize = 3, MicroBatchSize = 2, ReportEvery = 2, EvaluateEvery = 5, SaveEvery = 3, Ensemble = members };
            RewardModelTraining Make() => new(config, Body(), Pairs, Pairs, adapt: (member, seed) => lora ? Adapter(member, seed) : null);
            using var straight = Make();
            var straightResult = straight.Train(straightStates);

            using var stop = new CancellationTokenSource();
            Assert.Throws<OperationCanceledException>(() => Make().Train(resumedStates, p => { if (p.Step == 5) { stop.Cancel(); } }, stop.Token));
            Assert.Throws<InvalidOperationException>(() => Make().Train(
                resumedStates, p => _ = p.Step == straight.TotalSteps - 6 ? throw new InvalidOperationException("crash") : 0));
            using var resumed = Make();
            var resumedResult = resumed.Train(resumedStates);

            Assert.Equal(members, resumed.Ensemble.Members.Count);
            for (var i = 0; i < members; i++)
            {
                Assert.Equal(Bytes(straight.Ensemble.Members[i]), Bytes(resumed.Ensemble.Members[i]));
            }

            Assert.Equal(straightResult.ScoreBiases, resumedResult.ScoreBiases);
            Assert.Equal(straightResult.HeldOut, resumedResult.HeldOut);
            Assert.Equal(straightResult.CalibrationJson(), resumedResult.CalibrationJson());
            Assert.Equal(straightResult.History.Select(h => h.Metrics), resumedResult.History.Select(h => h.Metrics));
            Assert.Equal(straightResult.History.Select(h => h.Step), resumedResult.History.Select(h => h.Step));
            Assert.Equal(NewestState(straightStates), NewestState(resumedStates));
        }
        finally
        {
            Directory.Delete(straightStates, recursive: true);
            Directory.Delete(resumedStates, recursive: true);
        }
    }

    [Fact]
    public void Train_Ensemble_HasMembersThatDiffer()
    {
        using var scope = NewDisposeScope();
        using var training = new RewardModelTraining(Config with { Epochs = 2, Ensemble = 3, UncertaintyPenalty = 0.5 }, Body(), Pairs, Pairs);

        training.Train();

        var scores = training.Ensemble.Score([[2, 3, 5, 1], [9, 9, 9]]);
        Assert.Equal(3, training.Ensemble.Members.Count);
        Assert.All(scores.Uncertainties, u => Assert.True(u > 0));
        Assert.Equal(scores.Means[0] - (0.5 * scores.Uncertainties[0]), scores.Scores[0], 1e-6);
    }

    [Fact]
    public void Train_UnderAnAdapter_MovesItAndTheHeadOnly()
    {
        using var scope = NewDisposeScope();
        LoraAdapter? adapter = null;
        using var training = new RewardModelTraining(
            Config with { LearningRate = 1e-2 }, Body(), Pairs, Pairs, adapt: (member, seed) => adapter = Adapter(member, seed));
        var names = adapter!.NamedParameters().Select(p => p.Name).ToArray();

        var result = training.Train();

        Assert.Contains("score.weight", names);
        Assert.All(names, n => Assert.True(n == "score.weight" || n.Contains("lora_", StringComparison.Ordinal), n));
        Assert.Equal(1, result.HeldOut.Accuracy.Value);

        // Embeddings have no adapter: they are the body's.
        var embeddings = training.Ensemble.Members[0].named_parameters().Single(p => p.name.EndsWith("embed_tokens.weight", StringComparison.Ordinal)).parameter;
        Assert.Equal(Body().named_parameters().Single(p => p.name.EndsWith("embed_tokens.weight", StringComparison.Ordinal)).parameter.data<float>().ToArray(), embeddings.data<float>().ToArray());
    }

    [Fact]
    public void Train_MicroBatches_GiveTheWholeBatchStep()
    {
        using var scope = NewDisposeScope();
        double[] Losses(int microBatch)
        {
            using var training = new RewardModelTraining(
                Config with { Loss = RewardLossType.KWise, Epochs = 4, BatchSize = 3, MicroBatchSize = microBatch, CenterRewardsCoefficient = 0.01 }, Body(), Rankings, []);
            return [.. training.Train().History.Select(h => h.Metrics[MetricNames.RewardLoss])];
        }

        foreach (var (whole, parts) in Losses(0).Zip(Losses(1)))
        {
            Assert.Equal(whole, parts, 1e-5);
        }
    }

    [Fact]
    public void SequenceScorer_BatchesOfAnySize_EqualTheModelsOwnScores()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var model = ScalarHeadModel.FromCausal(Body(), new Philox(2));
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
        var body = Body();

        Assert.Throws<ArgumentException>(() => new RewardModelTraining(Config, body, [], []));
        Refused("64 tokens", RankedCompletions.Pair([1], new int[64], [1]), "65 tokens");
        Refused("empty", RankedCompletions.Pair([1], [], [1]), "empty prompt or completion");
        Refused("ranks fall", new([1], [[2], [3]], [2, 1]), "ranks never fall");
        Refused("one completion", new([1], [[2]], [1]), "at least 2 completions");
        Refused("agreement", Pairs[0] with { Agreement = 1.5 }, "agreement lies in (0, 1]");
        var tie = Assert.Throws<ArgumentException>(
            () => new RewardModelTraining(Config with { Loss = RewardLossType.PlackettLuce }, body, [Pairs[0] with { Ranks = [1, 1] }], []));
        Assert.Contains("take davidson", tie.Message, StringComparison.Ordinal);
        var exception = Assert.Throws<HyperparametersException>(
            () => new RewardModelTraining(Config with { Epochs = 0, CenterRewardsCoefficient = -1, UncertaintyPenalty = 1 }, body, Pairs, []));
        Assert.Equal(3, exception.Faults.Count);

        void Refused(string what, RankedCompletions example, string because) => Assert.True(
            Assert.Throws<ArgumentException>(() => new RewardModelTraining(Config, body, [Pairs[0], example], [])).Message is var message
                && message.Contains(because, StringComparison.Ordinal) && message.Contains("Example 2 of the training", StringComparison.Ordinal),
            what);
    }

    internal static CausalLanguageModel Body()
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
        return policy;
    }

    private static LoraAdapter Adapter(ScalarHeadModel member, ulong seed) =>
        LoraAdapter.Attach(member, new LoraConfig { R = 4, LoraAlpha = 16, TargetModules = [LoraConfig.AllLinear] }, new Philox(seed));

    private static byte[] Bytes(nn.Module module) =>
        [.. module.named_parameters().SelectMany(p => MemoryMarshal.AsBytes(p.parameter.detach().data<float>().ToArray().AsSpan()).ToArray())];

    private static byte[][] NewestState(string directory) =>
        [.. Directory.GetFiles(Directory.GetDirectories(directory).Order(StringComparer.Ordinal).Last()).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];
}
