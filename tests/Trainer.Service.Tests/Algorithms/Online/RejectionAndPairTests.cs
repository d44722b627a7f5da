using Rlhf.Modeling.Adapters;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using Trainer.Service.Algorithms.Common;
using Trainer.Service.Algorithms.Online;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Online;

/// <summary>RAFT and online DPO: what is kept, the loss by hand, LoRA, bad input.</summary>
public sealed class RejectionAndPairTests
{
    private static readonly int[][] Prompts = [[2, 3], [4], [5, 6, 7], [8, 2]];

    [Theory]
    [InlineData(OnlineDpoLossType.Sigmoid)]
    [InlineData(OnlineDpoLossType.Ipo)]
    public void Dpo_TwoPairs_IsTheHandCalculationWithItsGradient(OnlineDpoLossType type)
    {
        using var scope = NewDisposeScope();
        var config = new OnlineDpoConfig { LossType = type, Beta = 0.5 };
        var mask = tensor(new double[] { 1, 1, 1, 0, 1, 1, 1, 1 }, [4, 2]);
        var reference = tensor(new[] { -1.0, -1, -1, 7, -2, -2, -1, -1 }, [4, 2]);
        double[] values = [-0.5, -0.5, -2, 3, -2, -1, -2, -2];
        Tensor Loss(Tensor logprobs) => PolicyGradientLoss.Dpo(logprobs, reference, reference, mask, full_like(mask, 0.5), config).Loss;
        var logprobs = tensor(values, [4, 2]).requires_grad_();
        var loss = Loss(logprobs);
        loss.backward();

        // Log-ratios 1 and −1 (padding counts nothing), then 1 and −2: Δ = 2 and 3; β·Δ = 1 and 1.5; 1/(2β) = 1.
        var expected = type == OnlineDpoLossType.Sigmoid
            ? (Math.Log(1 + Math.Exp(-1)) + Math.Log(1 + Math.Exp(-1.5))) / 2
            : (1 + 4) / 2.0;
        Assert.Equal(expected, loss.item<double>(), 1e-12);
        for (var i = 0; i < values.Length; i++)
        {
            var (up, down) = ((double[])values.Clone(), (double[])values.Clone());
            up[i] += 1e-6;
            down[i] -= 1e-6;
            Assert.Equal((Loss(tensor(up, [4, 2])) - Loss(tensor(down, [4, 2]))).item<double>() / 2e-6, logprobs.grad!.data<double>().ToArray()[i], 1e-8);
        }
    }

    [Fact]
    public void OnlineDpo_FirstUpdate_CostsLogTwoAndLaterPairsAreRankedRight()
    {
        using var scope = NewDisposeScope();
        using var trainer = new OnlineDpoTrainer(
            new OnlineDpoConfig { Updates = 20, BatchSize = 32, NumGenerations = 4, MaxNewTokens = 6, LearningRate = 1e-2 }, TinyModels.Policy(), Prompts, Score);

        var history = trainer.Train();

        // Policy and reference are the same: Δ = 0 and −log σ(0) = log 2.
        Assert.Equal(Math.Log(2), history[0].Metrics[MetricNames.TrainLoss], 1e-5);
        Assert.Equal(0, history[0].Metrics[MetricNames.RewardMargins], 1e-5);
        Assert.True(history.TakeLast(3).Average(h => h.Metrics.GetValueOrDefault(MetricNames.RewardMargins)) > 0);
    }

    [Fact]
    public void OnlineDpo_ResponsesAsGoodAsEachOther_TeachNothing()
    {
        using var scope = NewDisposeScope();
        var policy = TinyModels.Policy();
        using var trainer = new OnlineDpoTrainer(
            new OnlineDpoConfig { Updates = 2, BatchSize = 8, MaxNewTokens = 4, LearningRate = 1e-2 }, policy, Prompts, (_, responses) => [.. responses.Select(_ => 1f)]);

        var history = trainer.Train();

        Assert.All(history, h => Assert.Equal(1, h.Metrics[MetricNames.GroupsWithoutSpread]));
        Assert.All(history, h => Assert.DoesNotContain(MetricNames.TrainLoss, h.Metrics.Keys));
        Assert.Equal(TinyModels.Bytes(TinyModels.Policy()), TinyModels.Bytes(policy));
    }

    [Fact]
    public void Raft_OneResponseAPrompt_IsFineTuningOnIt()
    {
        using var scope = NewDisposeScope();
        int[][]? sampled = null;
        using var trainer = new RaftTrainer(
            new RaftConfig { Updates = 1, BatchSize = 4, NumGenerations = 1, MaxNewTokens = 5 }, TinyModels.Policy(), Prompts, (_, responses) =>
            {
                sampled = [.. responses];
                return [.. responses.Select(_ => 0f)];
            });

        var metrics = trainer.Train().Single().Metrics;

        // The loss is the mean of −log π over the tokens: their sum per response, which is the entropy metric, times responses over tokens.
        Assert.Equal(metrics[MetricNames.Entropy] * 4 / sampled!.Sum(r => r.Length), metrics[MetricNames.TrainLoss], 1e-5);
    }

    [Fact]
    public void Raft_KeepsTheBestOnly()
    {
        using var scope = NewDisposeScope();
        double Loss(Func<int[], float> score, double? threshold, out bool learned)
        {
            using var trainer = new RaftTrainer(
                new RaftConfig { Updates = 1, BatchSize = 16, NumGenerations = 4, MaxNewTokens = 5, RewardThreshold = threshold },
                TinyModels.Policy(),
                Prompts,
                (_, responses) => [.. responses.Select(score)]);
            var metrics = trainer.Train().Single().Metrics;
            learned = metrics.TryGetValue(MetricNames.TrainLoss, out var loss);
            return loss;
        }

        // Of the same samples, those with more of a likely token and those with more of another are different ones.
        Assert.NotEqual(Loss(r => r.Count(t => t == 9), null, out _), Loss(r => r.Count(t => t == 3), null, out _));
        Loss(_ => 1, threshold: 2, out var learned);
        Assert.False(learned);
        Loss(_ => 2, threshold: 2, out learned);
        Assert.True(learned);
    }

    [Theory]
    [InlineData("raft")]
    [InlineData("online-dpo")]
    public void Train_UnderAnAdapter_LeavesThePolicyBelowItAlone(string method)
    {
        using var scope = NewDisposeScope();
        var model = TinyModels.Policy();
        var adapter = LoraAdapter.Attach(model, new LoraConfig { R = 4, LoraAlpha = 32, TargetModules = [LoraConfig.AllLinear] }, new Philox(3));

        var history = method == "raft"
            ? Run(new RaftTrainer(new RaftConfig { Updates = 5, BatchSize = 32, MaxNewTokens = 6, LearningRate = 1e-2 }, model, Prompts, Score) { Adapter = adapter })
            : Run(new OnlineDpoTrainer(new OnlineDpoConfig { Updates = 5, BatchSize = 32, MaxNewTokens = 6, LearningRate = 1e-2 }, model, Prompts, Score) { Adapter = adapter });

        Assert.All(history, h => Assert.InRange(h.Metrics[MetricNames.FirstRatioError], 0, 1e-5));
        if (method == "online-dpo")
        {
            Assert.Equal(0, history[0].Metrics[MetricNames.Kl], 1e-5);
            Assert.NotEqual(0, history[^1].Metrics[MetricNames.Kl], 1e-5);
        }

        adapter.Detach();
        Assert.Equal(TinyModels.Bytes(TinyModels.Policy()), TinyModels.Bytes(model));
    }

    [Fact]
    public void Config_WithSeveralFaults_NamesThemAll()
    {
        var dpo = Assert.Throws<HyperparametersException>(() => HyperparametersJson.Read<OnlineDpoConfig>(
            """{"num_generations": 1, "beta": 0, "micro_batch_size": 3, "loss_type": "hinge"}"""));
        Assert.Equal(4, dpo.Faults.Count);
        var raft = Assert.Throws<HyperparametersException>(() => HyperparametersJson.Read<RaftConfig>("""{"num_generations": 0, "guards": "shout", "evaluate_every": -1}"""));
        Assert.Equal(3, raft.Faults.Count);
    }

    private static IReadOnlyList<TrainingProgress> Run<T>(OnlineTrainer<T> trainer)
        where T : OnlineTrainingConfig
    {
        using (trainer)
        {
            return trainer.Train();
        }
    }

    private static IReadOnlyList<float> Score(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> responses) =>
        [.. responses.Select(r => r.Count(t => t == 9) / (float)r.Length)];
}
