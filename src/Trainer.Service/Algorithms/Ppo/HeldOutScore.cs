using Rlhf.Modeling.Transformer;
using TorchSharp;
using Generator = Rlhf.Modeling.Generation.Generator;

namespace Trainer.Service.Algorithms.Ppo;

/// <summary>Mean reward of a policy on prompts it was not trained on.</summary>
internal static class HeldOutScore
{
    // Beside the streams of PpoTrainer. Two policies of one run are given the same: their difference is theirs, not the draws'.
    private const ulong EvaluationStream = 1UL << 62;

    /// <summary>Samples one response to each prompt as in a rollout and scores it.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="prompts">Prompt tokens, at least one prompt.</param>
    /// <param name="config">Sampling, seed, and how many are sampled at a time.</param>
    /// <param name="score">The reward model.</param>
    /// <param name="stop">Stops it.</param>
    /// <returns>The mean of the scores, before the missing-EOS rule.</returns>
    /// <exception cref="OperationCanceledException">After <paramref name="stop"/>.</exception>
    public static double Measure(CausalLanguageModel policy, IReadOnlyList<int[]> prompts, PpoConfig config, ScoreResponses score, CancellationToken stop)
    {
        using var noGrad = torch.no_grad();
        var generator = new Generator(policy);
        var sum = 0.0;
        for (var first = 0; first < prompts.Count; first += config.BatchSize)
        {
            var batch = prompts.Skip(first).Take(config.BatchSize).ToArray();
            var responses = generator.Generate(batch, config.Sampling(), config.Seed, EvaluationStream + (ulong)first, stop).Select(s => s.Ids).ToArray();
            sum += score(batch, responses).Sum(s => (double)s);
        }

        return sum / prompts.Count;
    }
}
