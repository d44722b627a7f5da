using Rlhf.Numerics;

namespace Rlhf.Modeling.Generation;

/// <summary>Draws tokens from rows of logits, by inversion of the cumulative distribution in order of ids. Holds working memory: one for a batch.</summary>
internal sealed class TokenSampler(int vocabSize)
{
    private readonly float[] _scores = new float[vocabSize];
    private readonly LogitsProcessors _processors = new(vocabSize);
    private readonly LogitsWarpers _warpers = new(vocabSize);

    /// <summary>What the last drawn token was drawn from.</summary>
    internal LogitsWarpers Distribution => _warpers;

    /// <summary>The next token and its log-probability under the untruncated distribution at temperature 1.</summary>
    /// <param name="logits">[V].</param>
    /// <param name="parameters">How to draw.</param>
    /// <param name="ids">Prompt and text so far.</param>
    /// <param name="promptLength">How many of them are the prompt.</param>
    /// <param name="endIds">Ids that end the text.</param>
    /// <param name="random">Positioned for this token; not used when greedy.</param>
    /// <exception cref="InvalidOperationException">If the logits hold NaN or infinity, or every token is forbidden.</exception>
    public (int Token, float Logprob) Sample(
        ReadOnlySpan<float> logits, SamplingParameters parameters, ReadOnlySpan<int> ids, int promptLength, ReadOnlySpan<int> endIds, Philox random)
    {
        var max = VectorMath.Max(logits);
        if (parameters.Temperature == 1 && LogitsProcessors.AreIdle(parameters, ids.Length - promptLength))
        {
            // The model's own distribution is the one that is drawn from: one pass over the vocabulary serves both.
            var logSum = Finite(max, _warpers.Apply(logits, max, parameters));
            var drawn = _warpers.Draw(random.NextDouble());
            return (drawn, (float)((double)logits[drawn] - max - logSum));
        }

        var logTotal = Finite(max, VectorMath.SumExp(logits, max, 1));
        var scores = logits;
        var best = max;
        if (!LogitsProcessors.AreIdle(parameters, ids.Length - promptLength))
        {
            logits.CopyTo(_scores);
            _processors.Apply(_scores, parameters, ids, promptLength, endIds);
            scores = _scores;
            best = VectorMath.Max(scores);
            ThrowIfAllForbidden(best);
        }

        var token = parameters.Temperature == 0 ? scores.IndexOf(best) : Draw(scores, best, parameters, random);
        return (token, (float)((double)logits[token] - max - logTotal));
    }

    /// <summary>Log-probabilities of all tokens, after the processors where any is on: what a beam search adds up.</summary>
    /// <param name="logits">[V].</param>
    /// <param name="parameters">Which processors apply; they see log-probabilities in place of logits, as in transformers' beam search.</param>
    /// <param name="ids">Prompt and text so far.</param>
    /// <param name="promptLength">How many of them are the prompt.</param>
    /// <param name="endIds">Ids that end the text.</param>
    /// <param name="logNormalizer">What has to be taken off a logit for its log-probability.</param>
    /// <returns>[V], valid until the next call.</returns>
    public ReadOnlySpan<float> ProcessedLogprobs(
        ReadOnlySpan<float> logits, SamplingParameters parameters, ReadOnlySpan<int> ids, int promptLength, ReadOnlySpan<int> endIds, out double logNormalizer)
    {
        var max = VectorMath.Max(logits);
        logNormalizer = max + Finite(max, VectorMath.SumExp(logits, max, 1));
        for (var i = 0; i < logits.Length; i++)
        {
            _scores[i] = (float)(logits[i] - logNormalizer);
        }

        _processors.Apply(_scores, parameters, ids, promptLength, endIds);
        return _scores;
    }

    /// <summary>Refuses a distribution in which nothing is left.</summary>
    /// <exception cref="InvalidOperationException">If the best score is −∞.</exception>
    public static void ThrowIfAllForbidden(double best)
    {
        if (double.IsNegativeInfinity(best))
        {
            throw new InvalidOperationException("every token is forbidden by the logit bias, the forbidden n-grams or the minimum length: nothing is left to generate");
        }
    }

    /// <summary>The logarithm of the sum, if both are sound.</summary>
    private static double Finite(float max, double sum) => float.IsFinite(max) && double.IsFinite(sum)
        ? Math.Log(sum)
        : throw new InvalidOperationException("the model's logits are not finite: its weights are damaged or training diverged");

    private int Draw(ReadOnlySpan<float> scores, float best, SamplingParameters parameters, Philox random)
    {
        _warpers.Apply(scores, best, parameters);
        return _warpers.Draw(random.NextDouble());
    }
}
