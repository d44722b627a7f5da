using Rlhf.Numerics;

namespace Rlhf.Training.Evaluation;

/// <summary>How much generated text says again what it has said, over token ids.</summary>
public static class Repetition
{
    /// <summary>distinct-n (Li et al. 2016): different n-grams of all texts over all their n-grams; NaN without any.</summary>
    /// <param name="texts">Token ids.</param>
    /// <param name="n">At least 1.</param>
    public static double Distinct(IReadOnlyList<int[]> texts, int n)
    {
        var grams = texts.SelectMany(t => Ngrams(t, n)).ToArray();
        return grams.Distinct().Count() / (double)grams.Length;
    }

    /// <summary>
    /// seq-rep-n (Welleck et al. 2020, section 6.1): the mean over texts of 1 − different n-grams / n-grams of the text, with a 95 % bootstrap
    /// interval over texts. Texts shorter than n do not count; null if all are.
    /// </summary>
    /// <param name="texts">Token ids.</param>
    /// <param name="n">At least 1.</param>
    /// <param name="random">Where the resampling draws from.</param>
    /// <param name="resamples">Bootstrap samples.</param>
    public static (Interval Value, int Count)? SequenceRepetition(IReadOnlyList<int[]> texts, int n, Philox random, int resamples)
    {
        var rates = texts.Where(t => t.Length >= n).Select(t => Ngrams(t, n).ToArray()).Select(g => 1 - (g.Distinct().Count() / (double)g.Length)).ToArray();
        return rates.Length == 0 ? null : (Statistics.RatioBootstrap([.. rates.Select(r => (r, 1.0))], random, resamples), rates.Length);
    }

    // A string as key: n-grams compare by content.
    private static IEnumerable<string> Ngrams(int[] ids, int n) => Enumerable.Range(0, Math.Max(0, ids.Length - n + 1)).Select(i => string.Join(' ', ids.Skip(i).Take(n)));
}
