using Rlhf.Modeling.Transformer;
using TorchSharp;
using Trainer.Service.Algorithms.Common;
using Trainer.Service.Algorithms.Ppo;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Ppo;

public sealed class HeldOutScoreTests
{
    private static readonly int[][] s_prompts = [[2, 3], [4], [5, 6, 7], [8], [9, 2]];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    // Batches of two leave a last one of one prompt: a mean of batch means would weigh it double.
    [Fact]
    public void Measure_SeveralBatches_IsTheMeanOverAllPrompts()
    {
        using var scope = NewDisposeScope();
        var scores = new List<float>();
        var batches = new List<int>();
        var mean = Measure(TinyModels.Policy(), Config(batchSize: 2), Score);
        Assert.Equal([2, 2, 1], batches);
        Assert.Equal(scores.Average(s => (double)s), mean, 12);

        IReadOnlyList<float> Score(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> responses)
        {
            batches.Add(prompts.Count);
            scores.AddRange(responses.Select(r => r.Sum() + (0.5f * r.Length)));
            return scores[^responses.Count..];
        }
    }

    // Both policies of a run are given the same draws, so policies that are equal show no gain, whatever the batch size. Draws of another seed differ.
    [Fact]
    public void Measure_SamePolicyAndSeed_IsTheSame()
    {
        using var scope = NewDisposeScope();
        var first = Measure(TinyModels.Policy(seed: 1), Config(batchSize: 5), Sum);
        Assert.Equal(first, Measure(TinyModels.Policy(seed: 1), Config(batchSize: 2), Sum));
        Assert.NotEqual(first, Measure(TinyModels.Policy(seed: 1), Config(batchSize: 5) with { Seed = 12 }, Sum));
    }

    [Fact]
    public void Validate_NegativeEvaluationPrompts_IsAFault() =>
        Assert.Contains(new PpoConfig { EvaluationPrompts = -1 }.Validate(), f => f.StartsWith("evaluation_prompts is -1", StringComparison.Ordinal));

    private static double Measure(CausalLanguageModel policy, PpoConfig config, ScoreResponses score) =>
        new HeldOutScore(s_prompts, score).Measure(policy, config.Sampling(), config.Seed, config.BatchSize, Stop);

    private static PpoConfig Config(int batchSize) => new() { BatchSize = batchSize, MaxNewTokens = 6, Seed = 11 };

    private static IReadOnlyList<float> Sum(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> responses) => [.. responses.Select(r => (float)r.Sum())];
}
