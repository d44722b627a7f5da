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

    private static Interval Map(Interval interval, Func<double, double> map) => new(map(interval.Value), map(interval.Low), map(interval.High));
}
