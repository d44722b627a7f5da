using Rlhf.Modeling.Adapters;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using TorchSharp;
using Trainer.Service.Algorithms.Common;
using Trainer.Service.Algorithms.Ppo;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Ppo;

/// <summary>What PPO can do beyond its plain step: PPO-ptx, a KL loss, exact KL, LoRA, evaluation, old TRL's placement of the score.</summary>
public sealed class PpoExtensionTests
{
    private static readonly int[][] Prompts = [[2, 3], [4], [6, 7, 8], [9, 10], [11, 12, 13, 14]];

    private static readonly PpoConfig Config = new() { Updates = 3, BatchSize = 8, MaxNewTokens = 6, LearningRate = 1e-3 };

    [Fact]
    public void Create_TrlV0_PutsTheScoreOnTheLastToken()
    {
        using var scope = NewDisposeScope();
        PpoExperience Of(PpoMode mode, double endsWithEos = 1) => PpoExperience.Create(
            tensor(new long[] { 2 }),
            tensor(new[] { endsWithEos }),
            tensor(new[] { -1, -2, 0.0 }, [1, 3]),
            tensor(new[] { -1.5, -1, 0.0 }, [1, 3]),
            zeros(1, 3, float64),
            tensor(new[] { 3.0 }),
            klCoefficient: 0.1,
            new PpoConfig { Mode = mode, MissingEosPenalty = 2 });

        // k1 is ½ and −1: −0.1·k1 = −0.05 and 0.1; the score is 3, without EOS 3 − 2.
        Numbers.AreClose([-0.05, 3.1, 0], Of(PpoMode.TrlV0).Rewards_BT, 1e-12);
        Numbers.AreClose([-0.05, 0.1, 3], Of(PpoMode.Trl).Rewards_BT, 1e-12);
        Numbers.AreClose([-0.05, 1.1, 0], Of(PpoMode.TrlV0, endsWithEos: 0).Rewards_BT, 1e-12);
        Numbers.AreClose([-0.05, 0.1, 1], Of(PpoMode.Trl, endsWithEos: 0).Rewards_BT, 1e-12);
        Numbers.AreClose([-0.05, 0.1, -1], Of(PpoMode.NPlus, endsWithEos: 0).Rewards_BT, 1e-12);
    }

    [Theory]
    [InlineData(KlEstimator.K1, 0.5 - 1)]
    [InlineData(KlEstimator.K2, (0.25 / 2) + (1.0 / 2))]
    [InlineData(KlEstimator.K3, (0.6065306597126334 - 0.5) + (2.718281828459045 - 2))]
    [InlineData(KlEstimator.Abs, 0.5 + 1)]
    public void Compute_KlLoss_AddsTheMeanOfTheEstimate(KlEstimator estimator, double sumOfTwoTokens)
    {
        using var scope = NewDisposeScope();
        var config = new PpoConfig { UseKlLoss = true, KlEstimator = estimator };
        var weights = PpoLoss.Weights(tensor(new double[] { 1, 1, 0 }, [1, 3]), LossAveraging.AllTokens);
        var zero = zeros(1, 3, float64);

        // log π − log π_ref is ½ and −1; padding counts nothing. Advantages and values are 0, so only the KL loss is left.
        Tensor Loss(Tensor logprobs) => PpoLoss.Compute(
            logprobs, zero, zero, weights, zero, zero, zero, weights, config, tensor(new[] { -1.5, -1, 9 }, [1, 3]), klCoefficient: 0.2).Loss;
        double[] values = [-1, -2, 0];
        var logprobs = tensor(values, [1, 3]).requires_grad_();
        var loss = Loss(logprobs);
        loss.backward();

        Assert.Equal(0.2 * sumOfTwoTokens / 2, loss.item<double>(), 1e-12);
        for (var i = 0; i < 3; i++)
        {
            var (up, down) = ((double[])values.Clone(), (double[])values.Clone());
            up[i] += 1e-6;
            down[i] -= 1e-6;
            var numeric = (Loss(tensor(up, [1, 3])) - Loss(tensor(down, [1, 3]))).item<double>() / 2e-6;
            Assert.Equal(numeric, logprobs.grad!.data<double>().ToArray()[i], 1e-8);
        }
    }

    [Fact]
    public void Full_HandCalculation_IsTheExactKl()
    {
        using var scope = NewDisposeScope();

        // π = (¾, ¼), π_ref = (½, ½): ¾·log 1.5 + ¼·log ½.
        var kl = KlEstimators.Full(tensor(new[] { Math.Log(3), 0 }, [1, 2]), tensor(new double[] { 1, 1 }, [1, 2]));

        Assert.Equal((0.75 * Math.Log(1.5)) + (0.25 * Math.Log(0.5)), kl.item<double>(), 1e-12);
    }

    [Theory]
    [InlineData(KlEstimator.K3, true)]
    [InlineData(KlEstimator.Full, false)]
    public void Train_KlLossOrExactKl_StartsAtZeroAndStaysPositive(KlEstimator estimator, bool inLoss)
    {
        using var scope = NewDisposeScope();
        using var trainer = Make(TinyModels.Policy(), Config with { KlEstimator = estimator, UseKlLoss = inLoss, Temperature = 0.8 });

        var history = trainer.Train();

        Assert.Equal(0, history[0].Metrics[MetricNames.Kl], 1e-6);
        Assert.True(history[^1].Metrics[MetricNames.Kl] > 0);
        Assert.All(history, h => Assert.Equal(inLoss, h.Metrics[MetricNames.NonScoreReward] == 0 && h.Metrics[MetricNames.Kl] != 0 || h.Metrics[MetricNames.Kl] == 0 && inLoss));
    }

    [Fact]
    public void Train_StrongKlLoss_HoldsThePolicyNearItsReference()
    {
        using var scope = NewDisposeScope();
        double Kl(double coefficient)
        {
            using var trainer = Make(TinyModels.Policy(), Config with { Updates = 8, UseKlLoss = true, KlEstimator = KlEstimator.K2, KlCoefficient = coefficient });
            return trainer.Train()[^1].Metrics[MetricNames.Kl];
        }

        Assert.True(Kl(10) < Kl(0) / 2);
    }

    [Fact]
    public void Train_Ptx_LowersTheLossOnPretrainingTexts()
    {
        using var scope = NewDisposeScope();
        int[][] texts = [[2, 3, 4, 5, 6], [7, 8, 9], [10, 11]];
        IReadOnlyList<TrainingProgress> Run(double coefficient)
        {
            using var trainer = Make(TinyModels.Policy(), Config with { Updates = 10, LearningRate = 5e-3, PtxCoefficient = coefficient, PtxBatchSize = 3, MicroBatchSize = 2 }, texts);
            return trainer.Train();
        }

        var with = Run(27.8);

        Assert.True(with[^1].Metrics[MetricNames.PtxLoss] < 0.5 * with[0].Metrics[MetricNames.PtxLoss]);
        Assert.DoesNotContain(MetricNames.PtxLoss, Run(0)[0].Metrics.Keys);
    }

    // A random model says each of 16 tokens about equally often, so the first text's loss is near log 16; the exact one is the model's own.
    [Fact]
    public void Train_PtxFirstStep_ReportsTheMeanOverTokens()
    {
        using var scope = NewDisposeScope();
        var policy = TinyModels.Policy();
        var logprobs = nn.functional.log_softmax(policy.Logits(policy.Hidden(tensor(new long[] { 2, 3, 4 }, [1, 3]))), -1);
        var expected = -(logprobs[0, 0, 3].item<float>() + logprobs[0, 1, 4].item<float>()) / 2;
        using var trainer = Make(policy, Config with { Updates = 1, Epochs = 1, PtxCoefficient = 1, PtxBatchSize = 2 }, [[2, 3, 4]]);

        Assert.Equal(expected, trainer.Train().Single().Metrics[MetricNames.PtxLoss], 1e-5);
    }

    [Fact]
    public void Train_PtxWithoutTexts_IsRefused()
    {
        using var scope = NewDisposeScope();
        using var trainer = Make(TinyModels.Policy(), Config with { PtxCoefficient = 1 });

        Assert.Contains("ptx_coefficient is 1", Assert.Throws<HyperparametersException>(() => trainer.Train()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_EverythingOnAndInterrupted_ResumesByteForByte()
    {
        using var scope = NewDisposeScope();
        using var straightStates = new TemporaryDirectory();
        using var resumedStates = new TemporaryDirectory();
        var config = Config with
        {
            Updates = 5, Mode = PpoMode.TrlV0, UseKlLoss = true, KlEstimator = KlEstimator.K3, PtxCoefficient = 0.5, PtxBatchSize = 2, EvaluateEvery = 2, SaveEvery = 2,
        };
        PpoTrainer Adapted(out CausalLanguageModel policy)
        {
            policy = TinyModels.Policy();
            var adapter = LoraAdapter.Attach(policy, new LoraConfig { R = 4, LoraAlpha = 16, TargetModules = [LoraConfig.AllLinear] }, new Philox(3));
            return Make(policy, config, [[2, 3, 4], [5, 6], [7, 8, 9]], adapter);
        }

        using var straightTrainer = Adapted(out var straight);
        var straightHistory = straightTrainer.Train(straightStates.Path);
        using (var crashed = Adapted(out _))
        {
            Assert.Throws<InvalidOperationException>(() => crashed.Train(resumedStates.Path, p => _ = p.Step == 3 ? throw new InvalidOperationException("crash") : 0));
        }

        using var resumedTrainer = Adapted(out var resumed);
        var resumedHistory = resumedTrainer.Train(resumedStates.Path);

        Assert.Equal(TinyModels.Bytes(straight), TinyModels.Bytes(resumed));
        Assert.Equal(TinyModels.NewestState(straightStates.Path), TinyModels.NewestState(resumedStates.Path));
        Assert.Equal(straightHistory.Select(h => h.Metrics), resumedHistory.Select(h => h.Metrics));
        Assert.Equal([2, 4, 5], straightHistory.Where(h => h.Metrics.ContainsKey(MetricNames.EvaluationScore)).Select(h => h.Step));
    }

    [Fact]
    public void Train_UnderAnAdapter_LeavesThePolicyBelowItAlone()
    {
        using var scope = NewDisposeScope();
        var policy = TinyModels.Policy();
        var adapter = LoraAdapter.Attach(policy, new LoraConfig { R = 4, LoraAlpha = 32, TargetModules = [LoraConfig.AllLinear] }, new Philox(3));
        using var trainer = Make(policy, Config with { LearningRate = 1e-2 }, adapter: adapter);

        var history = trainer.Train();

        Assert.Equal(0, history[0].Metrics[MetricNames.Kl], 1e-5);
        Assert.NotEqual(0, history[^1].Metrics[MetricNames.Kl], 1e-5);
        Assert.All(history, h => Assert.InRange(h.Metrics[MetricNames.FirstRatioError], 0, 1e-5));
        adapter.Detach();
        Assert.Equal(TinyModels.Bytes(TinyModels.Policy()), TinyModels.Bytes(policy));
    }

    private static PpoTrainer Make(CausalLanguageModel policy, PpoConfig config, int[][]? texts = null, LoraAdapter? adapter = null) =>
        new(config, policy, TinyModels.Critic(TinyModels.Policy()), Prompts, Share, adapter)
        {
            PretrainingTexts = texts ?? [],
            HeldOut = new HeldOutScore([[5], [6, 2]], Share),
        };

    private static IReadOnlyList<float> Share(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> responses) =>
        [.. responses.Select(r => r.Count(t => t == 5) / (float)r.Length)];
}
