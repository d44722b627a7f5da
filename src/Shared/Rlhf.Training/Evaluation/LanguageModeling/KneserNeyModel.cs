namespace Rlhf.Training.Evaluation.LanguageModeling;

/// <summary>
/// An interpolated n-gram model with modified Kneser–Ney smoothing (Chen and Goodman 1999, "An empirical study of smoothing techniques for
/// language modeling", section 3): what counting alone predicts, the baseline of every perplexity.
/// </summary>
/// <remarks>
/// <para>
/// P(w|h) = max(c(hw) − D(c(hw)), 0) / c(h·) + γ(h) P(w|h′), γ(h) = (D₁N₁(h·) + D₂N₂(h·) + D₃₊N₃₊(h·)) / c(h·), where h′ is h without
/// its oldest token. c are counts for the highest order; below it they are the numbers of different tokens that precede, and counts again for n-grams at
/// the beginning of a document, before which nothing can stand (as in Heafield et al. 2013). The unigram level is interpolated with the uniform distribution
/// over the vocabulary, so every token has a probability and P(·|h) sums to 1.
/// </para>
/// <para>
/// The discounts of each order follow from its counts of counts (their equation 26): Y = n₁/(n₁+2n₂), D₁ = 1 − 2Y n₂/n₁, D₂ = 2 − 3Y n₃/n₂,
/// D₃₊ = 3 − 4Y n₄/n₃. A corpus too small for that (one of n₁…n₄ is 0, or a discount is negative) has the one discount Y of
/// the unmodified method (their equation 12), or ½ where that has nothing to be estimated from either.
/// </para>
/// </remarks>
public sealed class KneserNeyModel
{
    /// <summary>The most different n-grams of all orders together: about 3 GB.</summary>
    public const int MaxNgrams = 1 << 26;

    private const int Root = 0;

    private readonly Dictionary<(int Context, int Token), int> _children = [];
    private readonly List<long> _counts = [0];
    private readonly List<byte> _orders = [0];
    private readonly int _maxNgrams;
    private ContextSums[] _contexts = [];
    private double[][] _discounts = [];

    private KneserNeyModel(int order, int vocabSize, int maxNgrams) => (Order, VocabSize, _maxNgrams) = (order, vocabSize, maxNgrams);

    /// <summary>n: a token is predicted from n − 1 tokens before it.</summary>
    public int Order { get; }

    /// <summary>Tokens that can be predicted: ids below it.</summary>
    public int VocabSize { get; }

    /// <summary>D₁, D₂ and D₃₊ of an order from 1.</summary>
    public IReadOnlyList<double> Discounts(int order) => _discounts[order];

    /// <summary>Counts the n-grams of documents.</summary>
    /// <param name="documents">Token ids in [0, <paramref name="vocabSize"/>).</param>
    /// <param name="vocabSize">The size of the vocabulary.</param>
    /// <param name="order">n, 1 to 10.</param>
    /// <param name="maxNgrams">The most different n-grams.</param>
    /// <exception cref="ArgumentException">If an id lies outside the vocabulary.</exception>
    /// <exception cref="InvalidDataException">If there are more n-grams than that.</exception>
    public static KneserNeyModel Train(IEnumerable<int[]> documents, int vocabSize, int order, int maxNgrams = MaxNgrams)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(vocabSize);
        ArgumentOutOfRangeException.ThrowIfLessThan(order, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(order, 10);
        var model = new KneserNeyModel(order, vocabSize, maxNgrams);
        foreach (var document in documents)
        {
            model.Count(document);
        }

        model.Finish();
        return model;
    }

    /// <summary>P(token | history).</summary>
    /// <param name="history">All tokens before it, from the beginning of the document.</param>
    /// <param name="token">An id of the vocabulary.</param>
    public double Probability(ReadOnlySpan<int> history, int token)
    {
        var probability = 1.0 / VocabSize;
        for (var length = 0; length < Order && length <= history.Length + 1; length++)
        {
            // What was never seen in a shorter context was never seen in a longer one.
            if (FindContext(history, length) is not { } context || _contexts[context] is not { Total: > 0 } sums)
            {
                break;
            }

            var d = _discounts[length + 1];
            var count = _children.TryGetValue((context, token), out var node) ? _counts[node] : 0;
            var kept = count == 0 ? 0 : Math.Max(count - d[Math.Min(count, 3) - 1], 0);
            var freed = (d[0] * sums.Ones) + (d[1] * sums.Twos) + (d[2] * sums.More);
            probability = (kept + (freed * probability)) / sums.Total;
        }

        return probability;
    }

    /// <summary>−log P of a document's tokens, nats.</summary>
    public double Nats(int[] document)
    {
        var nats = 0.0;
        for (var i = 0; i < document.Length; i++)
        {
            nats -= Math.Log(Probability(document.AsSpan(0, i), document[i]));
        }

        return nats;
    }

    // The last tokens of the history, of which the one before the first stands for the beginning of the document.
    private int? FindContext(ReadOnlySpan<int> history, int length)
    {
        var node = Root;
        for (var i = history.Length - length; i < history.Length; i++)
        {
            if (!_children.TryGetValue((node, i < 0 ? BeginOfDocument : history[i]), out node))
            {
                return null;
            }
        }

        return node;
    }

    private int BeginOfDocument => VocabSize;

    private void Count(int[] document)
    {
        // suffixes[k]: the node of the last k tokens.
        var suffixes = new int[Order];
        if (Order > 1)
        {
            suffixes[1] = Child(Root, BeginOfDocument, out _);
        }

        for (var i = 0; i < document.Length; i++)
        {
            var token = document[i];
            if (token < 0 || token >= VocabSize)
            {
                throw new ArgumentException($"Token {token} lies outside the vocabulary of {VocabSize}.", nameof(document));
            }

            // The document's beginning counts as a token before the first.
            var longest = Math.Min(Order, i + 2);
            var next = new int[Order + 1];
            for (var k = 1; k <= longest; k++)
            {
                next[k] = Child(suffixes[k - 1], token, out var isNew);
                var hasNothingBefore = k == Order || k == i + 2;
                if (hasNothingBefore)
                {
                    _counts[next[k]]++;
                }

                if (isNew && k > 1)
                {
                    // A token before the shorter n-gram that was not seen there yet.
                    _counts[next[k - 1]]++;
                }
            }

            next.AsSpan(1, Order - 1).CopyTo(suffixes.AsSpan(1));
        }
    }

    private int Child(int context, int token, out bool isNew)
    {
        ref var node = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_children, (context, token), out var exists);
        isNew = !exists;
        if (isNew)
        {
            node = _counts.Count;
            if (node > _maxNgrams)
            {
                throw new InvalidDataException($"The text has more than {_maxNgrams} different n-grams: take less of it, or a lower order than {Order}.");
            }

            _counts.Add(0);
            _orders.Add((byte)(_orders[context] + 1));
        }

        return node;
    }

    private void Finish()
    {
        _contexts = new ContextSums[_counts.Count];
        var countsOfCounts = new long[Order + 1][];
        for (var k = 0; k <= Order; k++)
        {
            countsOfCounts[k] = new long[5];
        }

        foreach (var ((context, _), node) in _children)
        {
            var count = _counts[node];
            _contexts[context] = _contexts[context].Add(count);
            if (count is >= 1 and <= 4)
            {
                countsOfCounts[_orders[node]][count]++;
            }
        }

        _discounts = [.. countsOfCounts.Select(Discounts)];
    }

    private static double[] Discounts(long[] n)
    {
        var y = n[1] > 0 && n[2] > 0 ? n[1] / (n[1] + (2.0 * n[2])) : 0.5;
        if (n[1] > 0 && n[2] > 0 && n[3] > 0 && n[4] > 0)
        {
            double[] discounts = [1 - (2 * y * n[2] / n[1]), 2 - (3 * y * n[3] / n[2]), 3 - (4 * y * n[4] / n[3])];
            if (discounts.All(d => d >= 0))
            {
                return discounts;
            }
        }

        return [y, y, y];
    }

    // c(h·), N1(h·), N2(h·) and N3+(h·).
    private readonly record struct ContextSums(long Total, int Ones, int Twos, int More)
    {
        public ContextSums Add(long count) => count == 0
            ? this
            : new(Total + count, Ones + (count == 1 ? 1 : 0), Twos + (count == 2 ? 1 : 0), More + (count > 2 ? 1 : 0));
    }
}
