using System.Text;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;

namespace Rlhf.Training.Evaluation.LanguageModeling;

/// <summary>
/// Log-likelihood of whole documents under a causal model, as <c>loglikelihood_rolling</c> of lm-evaluation-harness has it: every token is
/// predicted exactly once, in windows of the model's length that do not overlap, the first from the begin-of-text (or end-of-text) token and every
/// other from the last token of the window before it.
/// </summary>
public static class RollingLikelihood
{
    /// <summary>The likelihoods of documents, in their order; documents without a token are left out.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tokenizer">Its tokenizer; needs a begin-of-text or end-of-text token.</param>
    /// <param name="documents">The texts.</param>
    /// <param name="batchSize">Windows of one pass.</param>
    /// <param name="stop">Looked at before every pass.</param>
    /// <exception cref="ArgumentException">If the tokenizer has neither token.</exception>
    /// <exception cref="OperationCanceledException">After <paramref name="stop"/>.</exception>
    public static IReadOnlyList<DocumentLikelihood> Measure(
        CausalLanguageModel model, Tokenizer tokenizer, IReadOnlyList<string> documents, int batchSize = 16, CancellationToken stop = default)
    {
        var prefix = tokenizer.BosTokenId ?? tokenizer.EosTokenId
            ?? throw new ArgumentException("The tokenizer has neither a begin-of-text nor an end-of-text token: the first token has nothing to be predicted from.", nameof(tokenizer));
        var encoded = documents.Select(d => tokenizer.Encode(d, addSpecialTokens: false)).ToArray();
        var windows = new List<(int Document, int[] First, int[] Tokens)>();
        for (var d = 0; d < encoded.Length; d++)
        {
            windows.AddRange(Windows(encoded[d], prefix, model.Config.MaxPositionEmbeddings).Select(w => (d, w.First, w.Tokens)));
        }

        var nats = new double[encoded.Length];
        var scorer = new CompletionScorer(model);
        foreach (var batch in windows.OrderBy(w => w.Tokens.Length).ThenBy(w => w.Document).Chunk(batchSize))
        {
            stop.ThrowIfCancellationRequested();
            var sums = scorer.SumAll([.. batch.Select(w => w.First)], [.. batch.Select(w => w.Tokens)], batchSize);
            for (var i = 0; i < batch.Length; i++)
            {
                nats[batch[i].Document] -= sums[i];
            }
        }

        return [.. Enumerable.Range(0, encoded.Length).Where(d => encoded[d].Length > 0).Select(d => Describe(documents[d], encoded[d].Length, nats[d]))];
    }

    /// <summary>Words and bytes of a text beside its likelihood.</summary>
    public static DocumentLikelihood Describe(string text, int tokens, double nats) => new(
        nats, tokens, text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length, Encoding.UTF8.GetByteCount(text));

    // One position of the model's length holds what the window's first token is predicted from.
    private static IEnumerable<(int[] First, int[] Tokens)> Windows(int[] tokens, int prefix, int length)
    {
        for (var start = 0; start < tokens.Length; start += length - 1)
        {
            yield return ([start == 0 ? prefix : tokens[start - 1]], tokens[start..Math.Min(tokens.Length, start + length - 1)]);
        }
    }
}
