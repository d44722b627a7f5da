using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using TorchSharp;
using Trainer.Service.Algorithms.Common;
using Trainer.Service.Algorithms.Ppo;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Ppo;

/// <summary>Whole PPO runs of a tiny random model.</summary>
public sealed class PpoTrainerTests
{
    private const int Wanted = 5;

    private static readonly int[][] Prompts = [[2, 3], [4], [6, 7, 8], [9, 10], [11, 12, 13, 14]];

    [Fact]
    public void Train_RewardForOneToken_RaisesItsShare()
    {
        using var scope = NewDisposeScope();
        var config = new PpoConfig
        {
            Updates = 30,
            BatchSize = 64,
            MaxNewTokens = 8,
            LearningRate = 3e-3,
            KlCoefficient = 0.01,

            // A response need not end: only the share of the token counts.
            Mode = PpoMode.Trl,
            MissingEosPenalty = 0,
        };

        var history = Run(config);

        // A random model draws each of the 16 tokens about equally often.
        Assert.InRange(history[0].Metrics[MetricNames.RewardModelScores], 0, 0.15);
        Assert.True(history[^1].Metrics[MetricNames.RewardModelScores] > 0.5, $"the share ended at {history[^1].Metrics[MetricNames.RewardModelScores]:f3}");
        Assert.True(history[^1].Metrics[MetricNames.Kl] > 0.5);
    }

    [Fact]
    public void Train_FirstUpdate_HasNoKlAndRatioOne()
    {
        using var scope = NewDisposeScope();

        var history = Run(new PpoConfig { Updates = 2, BatchSize = 8, MaxNewTokens = 6, MinibatchCount = 2, LearningRate = 1e-3 });

        Assert.Equal(0, history[0].Metrics[MetricNames.Kl]);
        Assert.All(history, h => Assert.InRange(h.Metrics[MetricNames.FirstRatioError], 0, 1e-5));
        Assert.NotEqual(0, history[1].Metrics[MetricNames.Kl]);
        Assert.Equal(16, history[1].Metrics[MetricNames.Episode]);
    }

    [Theory]
    [InlineData(PpoMode.NPlus, 1, 0)]
    [InlineData(PpoMode.Trl, 2, 3)]
    public void Train_InterruptedAndResumed_EqualsUninterruptedByteForByte(PpoMode mode, int minibatches, int microBatch)
    {
        using var scope = NewDisposeScope();
        using var straightStates = new TemporaryDirectory();
        using var resumedStates = new TemporaryDirectory();
        var config = new PpoConfig
        {
            Updates = 6,
            BatchSize = 8,
            MaxNewTokens = 6,
            LearningRate = 1e-3,
            Mode = mode,
            MinibatchCount = minibatches,
            MicroBatchSize = microBatch,
            KlTarget = 0.1,
            SaveEvery = 2,
        };
        var straight = Make(config);
        var straightHistory = straight.Trainer.Train(straightStates.Path);

        // A crash after update 3, whose newest state is of update 2.
        var crashed = Make(config);
        Assert.Throws<InvalidOperationException>(() => crashed.Trainer.Train(
            resumedStates.Path, p => _ = p.Step == 3 ? throw new InvalidOperationException("crash") : 0));

        // A cancellation after update 4, which saves that very state.
        using var stop = new CancellationTokenSource();
        var cancelled = Make(config);
        Assert.Throws<OperationCanceledException>(() => cancelled.Trainer.Train(
            resumedStates.Path, p => { if (p.Step == 5) { stop.Cancel(); } }, stop.Token));

        var resumed = Make(config);
        var resumedHistory = resumed.Trainer.Train(resumedStates.Path);

        Assert.Equal(TinyModels.Bytes(straight.Policy), TinyModels.Bytes(resumed.Policy));
        Assert.Equal(TinyModels.NewestState(straightStates.Path), TinyModels.NewestState(resumedStates.Path));
        Assert.Equal(straightHistory.Select(h => h.Metrics), resumedHistory.Select(h => h.Metrics));
    }

    [Fact]
    public void Train_MicroBatches_GiveTheWholeMinibatchStep()
    {
        using var scope = NewDisposeScope();
        var config = new PpoConfig { Updates = 3, BatchSize = 8, MaxNewTokens = 6, LearningRate = 1e-3 };

        var whole = Run(config);
        var micro = Run(config with { MicroBatchSize = 3 });

        foreach (var name in new[] { MetricNames.PolicyLoss, MetricNames.ValueLoss, MetricNames.PpoGradientNorm, MetricNames.Kl })
        {
            Assert.Equal(whole[^1].Metrics[name], micro[^1].Metrics[name], 1e-4);
        }
    }

    [Fact]
    public void Train_NewestStateDamaged_ContinuesFromTheOneBeforeAndWarns()
    {
        using var scope = NewDisposeScope();
        using var states = new TemporaryDirectory();
        var config = new PpoConfig { Updates = 4, BatchSize = 4, MaxNewTokens = 4, LearningRate = 1e-3, SaveEvery = 1 };
        var straight = Make(config);
        straight.Trainer.Train(states.Path);
        File.AppendAllText(Path.Combine(Directory.GetDirectories(states.Path).Order(StringComparer.Ordinal).Last(), "state.json"), " ");
        var warnings = new List<string>();
        var steps = new List<int>();

        var policy = TinyModels.Policy();
        using var resumed = new PpoTrainer(config, policy, TinyModels.Critic(policy), Prompts, Share) { Warn = warnings.Add };
        resumed.Train(states.Path, p => steps.Add(p.Step));

        Assert.Equal([4], steps);
        Assert.Contains("state-000000004", Assert.Single(warnings), StringComparison.Ordinal);
        Assert.Equal(TinyModels.Bytes(straight.Policy), TinyModels.Bytes(policy));
    }

    [Theory]
    [InlineData(1, 0, 1.0)]
    [InlineData(4, 3, 0.7)]
    [Trait("Category", "Parity")]
    public void Train_TrainedModel_StartsEveryUpdateAtRatioOne(int minibatches, int microBatch, double temperature)
    {
        using var scope = NewDisposeScope();
        var directory = Rlhf.TestSupport.SharedData.Require("models", "stories260k");
        var policy = Rlhf.Modeling.Checkpoints.PretrainedModel.LoadCausal(directory);
        var tokenizer = Rlhf.Modeling.Tokenization.Tokenizer.Load(directory);
        var prompts = new[] { "Once upon a time", "Tom was a cat.", "One day, Lily and her mother went to the park" };
        var config = new PpoConfig
        {
            Updates = 2,
            BatchSize = 32,
            MaxNewTokens = 24,
            MinibatchCount = minibatches,
            MicroBatchSize = microBatch,
            Temperature = temperature,
            LearningRate = 1e-4,
        };
        using var trainer = new PpoTrainer(config, policy, TinyModels.Critic(policy), [.. prompts.Select(p => tokenizer.Encode(p))], Share);

        var history = trainer.Train();

        Assert.All(history, h => Assert.Equal(0, h.Metrics[MetricNames.FirstRatioError]));
        Assert.True(history[1].Metrics[MetricNames.Kl] != 0);
    }

    [Fact]
    public void Train_ValueHead_StartsAtRatioOneLearnsAndTrainsTheHeadWithTheTrunk()
    {
        using var scope = NewDisposeScope();
        var config = new PpoConfig
        {
            Updates = 30, BatchSize = 64, MaxNewTokens = 8, LearningRate = 3e-3, KlCoefficient = 0.01, Mode = PpoMode.Trl, MissingEosPenalty = 0, ValueHead = true,
        };
        var policy = TinyModels.Policy();
        using var head = new ValueHead(policy, new Philox(4));
        var before = head.parameters().Select(p => p.detach().clone()).ToArray();
        using var trainer = new PpoTrainer(config, policy, head, Prompts, Share);

        var history = trainer.Train();

        // As of a critic of its own: a random model draws each of the 16 tokens about equally often.
        Assert.All(history, h => Assert.Equal(0, h.Metrics[MetricNames.FirstRatioError]));
        Assert.InRange(history[0].Metrics[MetricNames.RewardModelScores], 0, 0.15);
        Assert.True(history[^1].Metrics[MetricNames.RewardModelScores] > 0.5, $"the share ended at {history[^1].Metrics[MetricNames.RewardModelScores]:f3}");
        Assert.All(before.Zip(head.parameters()), pair => Assert.NotEqual(pair.First.data<float>().ToArray(), pair.Second.detach().data<float>().ToArray()));
    }

    [Fact]
    public void Constructor_CriticOfTheOtherKind_IsRefused()
    {
        using var scope = NewDisposeScope();
        var policy = TinyModels.Policy();
        using var head = new ValueHead(policy, new Philox(4));

        var exception = Assert.Throws<ArgumentException>(() => new PpoTrainer(new PpoConfig(), policy, head, Prompts, Share));
        Assert.Contains("value_head false", exception.Message, StringComparison.Ordinal);
        exception = Assert.Throws<ArgumentException>(() => new PpoTrainer(new PpoConfig { ValueHead = true }, policy, TinyModels.Critic(policy), Prompts, Share));
        Assert.Contains("cannot be a ScalarHeadModel", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_PolicyChangedAfterTheRollout_StopsAtTheRatioGuard()
    {
        using var scope = NewDisposeScope();
        CausalLanguageModel? policy = null;
        var made = Make(new PpoConfig { Updates = 1, BatchSize = 4, MaxNewTokens = 4 }, (_, responses) =>
        {
            Disturb(policy!);
            return Share([], responses);
        });
        policy = made.Policy;

        var exception = Assert.Throws<TrainingGuardException>(() => made.Trainer.Train());

        Assert.Contains("ratio of the first minibatch", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_PolicyChangedAfterTheReferenceWasCopied_StopsAtTheKlGuard()
    {
        using var scope = NewDisposeScope();
        var made = Make(new PpoConfig { Updates = 1, BatchSize = 4, MaxNewTokens = 4 });
        Disturb(made.Policy);

        var exception = Assert.Throws<TrainingGuardException>(() => made.Trainer.Train());

        Assert.Contains("policy and reference differ", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_ScoreThatIsNotFinite_Stops()
    {
        using var scope = NewDisposeScope();
        var made = Make(
            new PpoConfig { Updates = 1, BatchSize = 4, MaxNewTokens = 4 }, (_, responses) => [.. responses.Select(_ => float.NaN)]);

        Assert.Contains("a score is NaN", Assert.Throws<TrainingGuardException>(() => made.Trainer.Train()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_TooFewScores_Stops()
    {
        using var scope = NewDisposeScope();
        var made = Make(new PpoConfig { Updates = 1, BatchSize = 4, MaxNewTokens = 4 }, (_, _) => [1f]);

        Assert.Contains("1 scores for 4 responses", Assert.Throws<InvalidOperationException>(() => made.Trainer.Train()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Constructor_ResponsesThatDoNotFitTheModel_AreRefusedBeforeTheRun()
    {
        using var scope = NewDisposeScope();

        var exception = Assert.Throws<HyperparametersException>(() => Make(new PpoConfig { MaxNewTokens = 61, Gamma = 2 }));

        Assert.Contains(exception.Faults, f => f.StartsWith("max_new_tokens is 61", StringComparison.Ordinal));
        Assert.Contains(exception.Faults, f => f.StartsWith("gamma is 2", StringComparison.Ordinal));
    }

    private static IReadOnlyList<Rlhf.Training.Metrics.TrainingProgress> Run(PpoConfig config) => Make(config).Trainer.Train();

    private static (PpoTrainer Trainer, CausalLanguageModel Policy) Make(PpoConfig config, ScoreResponses? score = null)
    {
        var policy = TinyModels.Policy();
        return (new PpoTrainer(config, policy, TinyModels.Critic(policy), Prompts, score ?? Share), policy);
    }

    private static IReadOnlyList<float> Share(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> responses) =>
        [.. responses.Select(r => r.Count(t => t == Wanted) / (float)r.Length)];

    private static void Disturb(CausalLanguageModel policy)
    {
        using var noGrad = no_grad();
        var random = new Philox(8);
        foreach (var parameter in policy.parameters())
        {
            parameter.add_(tensor(Enumerable.Range(0, (int)parameter.numel()).Select(_ => (float)(0.05 * random.NextNormal())).ToArray(), parameter.shape));
        }
    }
}
