using Rlhf.Modeling.Generation;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Trainer.Service.Algorithms.Common;

namespace Trainer.Service.Algorithms.BestOfN;

/// <summary>
/// Best-of-n (Stiennon et al. 2020, section 4.3; Nakano et al. 2021): n responses are sampled and the one with the highest score is taken. Nothing is
/// trained; it is what a policy against the same score has to beat.
/// </summary>
/// <param name="generator">Samples from the policy.</param>
/// <param name="score">A reward model, a checker, or both.</param>
public sealed class BestOfNSampler(Generator generator, ScoreResponses score)
{
    /// <summary>
    /// How far best-of-n can be from the policy: KL ≤ log n − (n − 1)/n nats (Stiennon et al. 2020, appendix G.3; Beirami et al. 2024, theorem 1, show
    /// that it is a bound, and equal where no two responses have the same score and probability is spread thin).
    /// </summary>
    /// <param name="n">Responses, at least 1.</param>
    public static double KlBound(int n)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(n);
        return Math.Log(n) - ((n - 1.0) / n);
    }

    /// <summary>Samples n responses to each prompt.</summary>
    /// <param name="prompts">Prompt tokens.</param>
    /// <param name="n">Responses to each.</param>
    /// <param name="sampling">How they are drawn.</param>
    /// <param name="seed">The draws.</param>
    /// <param name="stop">Stops it.</param>
    /// <returns>For each prompt its responses, the best first; equal ones in the order they were drawn.</returns>
    /// <exception cref="ArgumentException">If the sampling is greedy or a beam search: all n would be the same, or not samples.</exception>
    public IReadOnlyList<IReadOnlyList<ScoredResponse>> Sample(
        IReadOnlyList<int[]> prompts, int n, SamplingParameters sampling, ulong seed, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(sampling);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(n);
        if (sampling.Temperature == 0 || sampling.NumBeams > 1)
        {
            throw new ArgumentException("best-of-n needs samples: a temperature above 0 and no beam search.", nameof(sampling));
        }

        var sequences = generator.Generate(prompts, sampling with { NumReturnSequences = n }, seed, ct: stop);
        var repeated = prompts.SelectMany(p => Enumerable.Repeat(p, n)).ToArray();
        var scores = score(repeated, [.. sequences.Select(s => s.Ids)]);
        return
        [
            .. sequences.Zip(scores, (sequence, value) => new ScoredResponse(sequence, value))
                .Chunk(n)
                .Select(group => (IReadOnlyList<ScoredResponse>)[.. group.OrderByDescending(r => r.Score)]),
        ];
    }
}

/// <summary>A response and what it is worth.</summary>
/// <param name="Sequence">Tokens and text.</param>
/// <param name="Score">Its score.</param>
public sealed record ScoredResponse(GeneratedSequence Sequence, float Score);
