using Rlhf.Modeling.Generation;
using Rlhf.Modeling.Transformer;
using TorchSharp;
using Generator = Rlhf.Modeling.Generation.Generator;

namespace Trainer.Service.Algorithms.Common;

/// <summary>
/// Mean reward of a policy on prompts it is not trained on. A run that is given one measures it every so many updates; with a score that the policy
/// is not trained on, such as a checker or another reward model, it shows over-optimisation (Gao et al. 2022).
/// </summary>
/// <param name="Prompts">Prompt tokens, at least one prompt.</param>
/// <param name="Score">Scores the responses.</param>
public sealed record HeldOutScore(IReadOnlyList<int[]> Prompts, ScoreResponses Score)
{
    // Beside the streams of the trainers. Two policies of one run are given the same: their difference is theirs, not the draws'.
    private const ulong EvaluationStream = 1UL << 63;

    /// <summary>Samples one response to each prompt as in a rollout and scores it.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="sampling">How responses are drawn.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="batchSize">How many are sampled at a time.</param>
    /// <param name="stop">Stops it.</param>
    /// <returns>The mean of the scores, before the missing-EOS rule.</returns>
    /// <exception cref="OperationCanceledException">After <paramref name="stop"/>.</exception>
    internal double Measure(CausalLanguageModel policy, SamplingParameters sampling, ulong seed, int batchSize, CancellationToken stop)
    {
        using var noGrad = torch.no_grad();
        var generator = new Generator(policy);
        var sum = 0.0;
        for (var first = 0; first < Prompts.Count; first += batchSize)
        {
            var batch = Prompts.Skip(first).Take(batchSize).ToArray();
            var responses = generator.Generate(batch, sampling, seed, EvaluationStream + (ulong)first, stop).Select(s => s.Ids).ToArray();
            sum += Score(batch, responses).Sum(s => (double)s);
        }

        return sum / Prompts.Count;
    }
}
