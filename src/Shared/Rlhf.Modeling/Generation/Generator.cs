using System.Diagnostics.CodeAnalysis;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Generation;

/// <summary>
/// Continues prompts in one batch with a key/value cache. Token t of sequence s is drawn from Philox(seed, s) at position 2·t, so a
/// sequence does not depend on the others in its batch (up to the rounding of matrix products of another shape).
/// </summary>
/// <param name="model">The model; its weights are read anew at every call. Not to be trained meanwhile.</param>
public sealed class Generator(CausalLanguageModel model)
{
    /// <summary>
    /// Rows are taken out of the cache once a quarter of them has finished: each time copies the cache, so doing it for every
    /// single row would cost more than it saves.
    /// </summary>
    private const int CompactionShare = 4;

    /// <summary>Rows computed in all decode steps of the last call together; shows that finished rows cost nothing more.</summary>
    internal long DecodedRows { get; private set; }

    /// <summary>Generates one continuation for each prompt. Runs without gradients.</summary>
    /// <param name="prompts">Token ids of each prompt, at least one.</param>
    /// <param name="parameters">How tokens are drawn.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="firstSequence">The number of the first prompt's sequence; prompt i is sequence <c>firstSequence + i</c>.</param>
    /// <param name="ct">Looked at before every step.</param>
    /// <param name="onToken">Called with (index of the prompt, token) for every generated token, as soon as it is drawn.</param>
    /// <returns>One sequence for each prompt, in the same order.</returns>
    /// <exception cref="ArgumentException">If parameters are illegal, a prompt is empty or has an unknown id, or the text may become too long.</exception>
    /// <exception cref="OperationCanceledException">If cancelled.</exception>
    [SuppressMessage("Design", "CA1068", Justification = "The callback is the rarer of the two optional arguments.")]
    public IReadOnlyList<GeneratedSequence> Generate(
        IReadOnlyList<int[]> prompts,
        SamplingParameters parameters,
        ulong seed,
        ulong firstSequence = 0,
        CancellationToken ct = default,
        Action<int, int>? onToken = null)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(parameters);
        Check(prompts, parameters);
        DecodedRows = 0;
        if (prompts.Count == 0)
        {
            return [];
        }

        ct.ThrowIfCancellationRequested();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var rows = prompts.Select((prompt, index) => new Row(index, prompt, new Philox(seed, firstSequence + (ulong)index))).ToArray();
        var longest = prompts.Max(prompt => prompt.Length);

        // The last token is drawn but never read again.
        var decoder = new CachedDecoder(model, rows.Length, longest + parameters.MaxNewTokens - 1);
        var sampler = new TokenSampler(parameters, model.Config.VocabSize);
        var (ids, mask) = LeftPad(prompts, longest);
        var logits = decoder.Prefill(ids, mask);
        var batch = rows;
        while (true)
        {
            Draw(batch, logits, sampler, parameters.MaxNewTokens, onToken);
            batch = Compact(batch, decoder);
            if (batch.Length == 0)
            {
                break;
            }

            ct.ThrowIfCancellationRequested();
            DecodedRows += batch.Length;
            logits = decoder.Step(
                Array.ConvertAll(batch, row => (long)row.Ids[^1]),
                Array.ConvertAll(batch, row => (long)row.Prompt.Length + row.Ids.Count - 1));
        }

        return [.. rows.Select(row => new GeneratedSequence(row.Prompt, [.. row.Ids], [.. row.Logprobs], row.FinishReason!))];
    }

    private void Check(IReadOnlyList<int[]> prompts, SamplingParameters parameters)
    {
        if (parameters.Validate() is { Count: > 0 } faults)
        {
            throw new ArgumentException(string.Join("; ", faults), nameof(parameters));
        }

        for (var i = 0; i < prompts.Count; i++)
        {
            if (prompts[i].Length == 0)
            {
                throw new ArgumentException($"prompt {i} is empty: at least one token must be there to continue", nameof(prompts));
            }

            if (prompts[i].Length + parameters.MaxNewTokens > model.Config.MaxPositionEmbeddings)
            {
                throw new ArgumentException(
                    $"prompt {i} has {prompts[i].Length} tokens; with MaxNewTokens {parameters.MaxNewTokens} that exceeds "
                    + $"max_position_embeddings ({model.Config.MaxPositionEmbeddings})",
                    nameof(prompts));
            }

            foreach (var id in prompts[i])
            {
                if ((uint)id >= (uint)model.Config.VocabSize)
                {
                    throw new ArgumentException($"prompt {i} has id {id}; ids lie in 0 … {model.Config.VocabSize - 1}", nameof(prompts));
                }
            }
        }
    }

    private static (long[] Ids, long[] Mask) LeftPad(IReadOnlyList<int[]> prompts, int length)
    {
        var ids = new long[prompts.Count * length];
        var mask = new long[ids.Length];
        for (var row = 0; row < prompts.Count; row++)
        {
            var start = ((row + 1) * length) - prompts[row].Length;
            for (var i = 0; i < prompts[row].Length; i++)
            {
                ids[start + i] = prompts[row][i];
                mask[start + i] = 1;
            }
        }

        return (ids, mask);
    }

    private void Draw(Row[] batch, float[] logits, TokenSampler sampler, int maxNewTokens, Action<int, int>? onToken)
    {
        for (var i = 0; i < batch.Length; i++)
        {
            var row = batch[i];
            if (row.FinishReason is not null)
            {
                continue;
            }

            row.Random.Position = 2UL * (ulong)row.Ids.Count;
            var (token, logprob) = sampler.Sample(logits.AsSpan(i * model.Config.VocabSize, model.Config.VocabSize), row.Random);
            row.Ids.Add(token);
            row.Logprobs.Add(logprob);
            onToken?.Invoke(row.Index, token);
            row.FinishReason = model.Config.EosTokenIds.Contains(token) ? GeneratedSequence.Stop
                : row.Ids.Count == maxNewTokens ? GeneratedSequence.Length
                : null;
        }
    }

    private static Row[] Compact(Row[] batch, CachedDecoder decoder)
    {
        var finished = batch.Count(row => row.FinishReason is not null);
        if (finished == batch.Length)
        {
            return [];
        }

        if (finished * CompactionShare < batch.Length || finished == 0)
        {
            return batch;
        }

        var kept = Enumerable.Range(0, batch.Length).Where(i => batch[i].FinishReason is null).ToArray();
        decoder.KeepRows(Array.ConvertAll(kept, index => (long)index));
        return Array.ConvertAll(kept, index => batch[index]);
    }

    private sealed class Row(int index, int[] prompt, Philox random)
    {
        public int Index { get; } = index;

        public int[] Prompt { get; } = prompt;

        public Philox Random { get; } = random;

        public List<int> Ids { get; } = [];

        public List<float> Logprobs { get; } = [];

        public string? FinishReason { get; set; }
    }
}
