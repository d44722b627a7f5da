using Rlhf.Training.Metrics;
using Trainer.Service.Algorithms.Common;
using Trainer.Service.Algorithms.Online;
using Trainer.Service.Algorithms.Ppo;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Common;

/// <summary>Every guard in a run in which it trips, and in one in which it must not.</summary>
public sealed class HealthGuardsTests
{
    public static TheoryData<string> Guards =>
        ["negative KL", "EOS rate", "length bias", "clip fraction", "explained variance", "over-optimisation"];

    [Theory]
    [MemberData(nameof(Guards))]
    public void Watch_RunThatGoesWrong_IsSaidOnceByName(string guard)
    {
        var warnings = Watch(GuardAction.Warn, Sick(guard));

        Assert.StartsWith("update ", Assert.Single(warnings), StringComparison.Ordinal);
        Assert.Contains($": {guard}:", warnings[0], StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Guards))]
    public void Watch_RunThatGoesWrong_StopsWhereItShall(string guard)
    {
        var exception = Assert.Throws<TrainingGuardException>(() => Watch(GuardAction.Stop, Sick(guard)));

        Assert.Contains(guard, exception.Message, StringComparison.Ordinal);
        Assert.Empty(Watch(GuardAction.Off, Sick(guard)));
    }

    [Fact]
    public void Watch_HealthyRun_SaysNothing() => Assert.Empty(Watch(GuardAction.Stop, Healthy()));

    // A k1 estimate over few samples may be a little below 0; a critic begins badly; one bad measurement is an accident.
    [Fact]
    public void Watch_Noise_SaysNothing()
    {
        Assert.Empty(Watch(GuardAction.Stop, With(MetricNames.Kl, _ => -0.5)));
        Assert.Empty(Watch(GuardAction.Stop, With(MetricNames.ExplainedVariance, u => u < 6 ? -1 : 0.5)));
        Assert.Empty(Watch(GuardAction.Stop, With(MetricNames.EvaluationScore, u => u == 10 ? 0 : u)));
        Assert.Empty(Watch(GuardAction.Stop, With(MetricNames.LengthRewardCorrelation, _ => 0.9)));
    }

    // It falls, recovers and falls again: two times to say it.
    [Fact]
    public void Watch_FaultThatComesBack_IsSaidAgain() =>
        Assert.Equal(2, Watch(GuardAction.Warn, With(MetricNames.ClipFraction, u => u is 3 or 4 or 8 ? 0.5 : 0.1)).Count);

    [Fact]
    public void PpoTrainer_HugeLearningRate_WarnsOfClipping()
    {
        using var scope = NewDisposeScope();
        var warnings = new List<string>();
        var policy = TinyModels.Policy();
        using var trainer = new PpoTrainer(
            new PpoConfig { Updates = 2, BatchSize = 16, MaxNewTokens = 6, LearningRate = 0.1, MaxGradNorm = 0 }, policy, TinyModels.Critic(policy), [[2, 3], [4]], Share)
        {
            Warn = warnings.Add,
        };

        trainer.Train();

        Assert.Contains(warnings, w => w.Contains("clip fraction", StringComparison.Ordinal));
    }

    [Fact]
    public void OnlineTrainer_HugeLearningRate_StopsWhereItShall()
    {
        using var scope = NewDisposeScope();
        using var trainer = new GrpoTrainer(
            new GrpoConfig { Updates = 3, BatchSize = 16, NumGenerations = 4, NumIterations = 4, MaxNewTokens = 6, LearningRate = 0.1, MaxGradNorm = 0, Guards = GuardAction.Stop },
            TinyModels.Policy(),
            [[2, 3], [4]],
            Share);

        Assert.Contains("clip fraction", Assert.Throws<TrainingGuardException>(() => trainer.Train()).Message, StringComparison.Ordinal);
    }

    // A reward for length, and a policy that can only grow its responses by not ending them.
    [Fact]
    public void OnlineTrainer_RewardForLength_WarnsOfItAndOfMissingEos()
    {
        using var scope = NewDisposeScope();
        var warnings = new List<string>();
        using var trainer = new RlooTrainer(
            new RlooConfig { Updates = 30, BatchSize = 64, NumGenerations = 4, MaxNewTokens = 24, LearningRate = 1e-2, Beta = 0 },
            TinyModels.Policy(),
            [[2, 3], [4]],
            (_, responses) => [.. responses.Select(r => r.Length / 24f)])
        {
            Warn = warnings.Add,
        };

        trainer.Train();

        Assert.Contains(warnings, w => w.Contains("length bias", StringComparison.Ordinal));
        Assert.Contains(warnings, w => w.Contains("EOS rate", StringComparison.Ordinal));
    }

    // Lengths 1, 2, 3 and scores 1, 2, 4: Σxy = 3, Σx² = 2, Σy² = 14/3, so 3/√(28/3).
    [Fact]
    public void LengthRewardCorrelation_ThreeResponses_IsTheHandCalculation()
    {
        Assert.Equal(3 / Math.Sqrt(28.0 / 3), RolloutStatistics.LengthRewardCorrelation([[1], [1, 1], [1, 1, 1]], [1, 2, 4]), 1e-12);
        Assert.Equal(0, RolloutStatistics.LengthRewardCorrelation([[1], [2]], [1, 2]));
    }

    private static List<string> Watch(GuardAction action, List<Dictionary<string, double>> updates)
    {
        var warnings = new List<string>();
        var guards = new HealthGuards(action, warnings.Add);
        var history = new List<TrainingProgress>();
        foreach (var metrics in updates)
        {
            history.Add(new TrainingProgress(history.Count + 1, updates.Count, metrics));
            guards.Watch(history);
        }

        return warnings;
    }

    private static List<Dictionary<string, double>> Healthy() =>
    [
        .. Enumerable.Range(0, 20).Select(u => new Dictionary<string, double>
        {
            [MetricNames.Kl] = 0.1 * u,
            [MetricNames.EosRate] = 0.9,
            [MetricNames.LengthRewardCorrelation] = 0.1,
            [MetricNames.ResponseLength] = 20,
            [MetricNames.Scores] = u,
            [MetricNames.ClipFraction] = 0.1,
            [MetricNames.ExplainedVariance] = u < 5 ? -1 : 0.5,
            [MetricNames.EvaluationScore] = u,
        }),
    ];

    private static List<Dictionary<string, double>> With(string name, Func<int, double> value)
    {
        var updates = Healthy();
        for (var u = 0; u < updates.Count; u++)
        {
            updates[u][name] = value(u);
        }

        return updates;
    }

    private static List<Dictionary<string, double>> Sick(string guard)
    {
        switch (guard)
        {
            case "negative KL":
                return With(MetricNames.Kl, u => -0.5 * u);
            case "EOS rate":
                return With(MetricNames.EosRate, u => 0.9 - (0.04 * u));
            case "length bias":
                var updates = With(MetricNames.LengthRewardCorrelation, _ => 0.8);
                for (var u = 0; u < updates.Count; u++)
                {
                    updates[u][MetricNames.ResponseLength] = 20 + (2 * u);
                }

                return updates;
            case "clip fraction":
                return With(MetricNames.ClipFraction, u => 0.05 * u);
            case "explained variance":
                return With(MetricNames.ExplainedVariance, _ => -0.2);
            case "over-optimisation":
                return With(MetricNames.EvaluationScore, u => u < 10 ? u : 20 - u);
            default:
                throw new ArgumentException(guard);
        }
    }

    private static IReadOnlyList<float> Share(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> responses) =>
        [.. responses.Select(r => r.Count(t => t == 5) / (float)r.Length)];
}
