using Rlhf.Numerics;

namespace Rlhf.Training.Evaluation.LanguageModeling;

/// <summary>
/// Perplexities of a set of documents, with the names of lm-evaluation-harness. Perplexities per token compare models of one tokenizer only;
/// those per word or byte compare any.
/// </summary>
public static class Perplexity
{
    /// <summary>exp(nats per token).</summary>
    public const string PerToken = "perplexity";

    /// <summary>exp(nats per word).</summary>
    public const string PerWord = "word_perplexity";

    /// <summary>exp(nats per UTF-8 byte).</summary>
    public const string PerByte = "byte_perplexity";

    /// <summary>log2 of the byte perplexity.</summary>
    public const string BitsPerByte = "bits_per_byte";

    /// <summary>The four of them, each with a 95 % bootstrap interval over documents.</summary>
    /// <param name="documents">At least one.</param>
    /// <param name="seed">Where the resampling draws from; the same draws for every metric.</param>
    /// <param name="resamples">Bootstrap samples.</param>
    public static IReadOnlyList<(string Metric, Interval Value)> Measure(IReadOnlyList<DocumentLikelihood> documents, ulong seed, int resamples)
    {
        return
        [
            (PerToken, Map(Rate(d => d.Tokens), Math.Exp)),
            (PerWord, Map(Rate(d => d.Words), Math.Exp)),
            (PerByte, Map(Rate(d => d.Bytes), Math.Exp)),
            (BitsPerByte, Map(Rate(d => d.Bytes), nats => nats / Math.Log(2))),
        ];

        Interval Rate(Func<DocumentLikelihood, double> unit) =>
            Statistics.RatioBootstrap([.. documents.Select(d => (d.Nats, unit(d)))], new Philox(seed, EvaluationStreams.Perplexity), resamples);
    }

    /// <summary>
    /// By what factor the perplexity per token of the same documents has changed, exp(Σ(after − before) / tokens) in nats, with its interval. Documents are
    /// resampled in pairs, so the interval is far narrower than those of the two perplexities.
    /// </summary>
    /// <param name="before">Under one model; at least one.</param>
    /// <param name="after">The same documents in the same order under the other, with the same tokenizer.</param>
    /// <param name="seed">Where the resampling draws from.</param>
    /// <param name="resamples">Bootstrap samples.</param>
    /// <exception cref="ArgumentException">If these are not the same documents.</exception>
    public static Interval Ratio(IReadOnlyList<DocumentLikelihood> before, IReadOnlyList<DocumentLikelihood> after, ulong seed, int resamples)
    {
        if (before.Count != after.Count || before.Zip(after).Any(pair => pair.First.Tokens != pair.Second.Tokens))
        {
            throw new ArgumentException("The two lists are not likelihoods of the same documents with the same tokens.", nameof(after));
        }

        var changes = before.Zip(after, (first, second) => (second.Nats - first.Nats, (double)first.Tokens)).ToArray();
        return Map(Statistics.RatioBootstrap(changes, new Philox(seed, EvaluationStreams.Perplexity), resamples), Math.Exp);
    }

    private static Interval Map(Interval interval, Func<double, double> map) => new(map(interval.Value), map(interval.Low), map(interval.High));
}
