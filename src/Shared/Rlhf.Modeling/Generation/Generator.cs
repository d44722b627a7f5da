using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;

namespace Rlhf.Modeling.Generation;

/// <summary>
/// Continues prompts together, with cached keys and values and continuous batching: finished sequences make room for waiting ones at
/// once. Token t of sequence s is drawn from Philox(seed, s) at position 2·t, so a sequence does not depend on what else runs (up to
/// the rounding of matrix products of another shape).
/// </summary>
/// <param name="model">The model; its weights are used where they are. Not to be trained or used by another thread meanwhile.</param>
/// <param name="tokenizer">Gives texts, and is needed for stop strings.</param>
/// <param name="options">What may be used of the machine.</param>
public sealed class Generator(CausalLanguageModel model, Tokenizer? tokenizer = null, GeneratorOptions? options = null)
{
    private readonly GeneratorOptions _options = Checked(options ?? new GeneratorOptions());

    /// <summary>Rows computed in all decode steps of the last call together; shows that finished rows cost nothing more.</summary>
    internal long DecodedRows { get; private set; }

    /// <summary>Prompt tokens read in the last call; shows that a prompt with several continuations is read once.</summary>
    internal long PrefilledTokens { get; private set; }

    /// <summary>Generates continuations of each prompt. Runs without gradients.</summary>
    /// <param name="prompts">Token ids of each prompt, at least one.</param>
    /// <param name="parameters">How tokens are chosen; n = NumReturnSequences.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="firstSequence">The number of the first sequence; continuation j of prompt i is sequence <c>firstSequence + i·n + j</c>.</param>
    /// <param name="ct">Looked at before every pass of the model.</param>
    /// <param name="onToken">Called for every generated token as soon as it is certain; its sequence is the index in the result.</param>
    /// <returns>n sequences for each prompt, in the order of the prompts.</returns>
    /// <exception cref="ArgumentException">If parameters are illegal, a prompt is empty or has an unknown id, or the text may become too long; all faults are listed.</exception>
    /// <exception cref="InvalidOperationException">If the model's logits are not finite, or every token is forbidden.</exception>
    /// <exception cref="OperationCanceledException">If cancelled.</exception>
    [SuppressMessage("Design", "CA1068", Justification = "The callback is the rarer of the two optional arguments.")]
    public IReadOnlyList<GeneratedSequence> Generate(
        IReadOnlyList<int[]> prompts,
        SamplingParameters parameters,
        ulong seed,
        ulong firstSequence = 0,
        CancellationToken ct = default,
        Action<GeneratedToken>? onToken = null)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(parameters);
        var perPrompt = (ulong)Math.Max(1, parameters.NumReturnSequences);
        return Generate(
            [.. prompts.Select((prompt, i) => new GenerationRequest(prompt, parameters, seed, firstSequence + ((ulong)i * perPrompt)))], ct, onToken);
    }

    /// <summary>Serves requests of different kinds together, each with its own seed.</summary>
    /// <param name="requests">They begin in this order.</param>
    /// <param name="ct">Looked at before every pass of the model.</param>
    /// <param name="onToken">Called for every generated token as soon as it is certain; its sequence is the index in the result.</param>
    /// <returns>All continuations, in the order of the requests.</returns>
    /// <exception cref="ArgumentException">As above.</exception>
    /// <exception cref="InvalidOperationException">As above.</exception>
    /// <exception cref="OperationCanceledException">If cancelled.</exception>
    [SuppressMessage("Design", "CA1068", Justification = "The callback is the rarer of the two optional arguments.")]
    public IReadOnlyList<GeneratedSequence> Generate(
        IReadOnlyList<GenerationRequest> requests, CancellationToken ct = default, Action<GeneratedToken>? onToken = null)
    {
        ArgumentNullException.ThrowIfNull(requests);
        RequestCheck.ThrowIfIllegal(requests, model.Config, tokenizer, DecoderFactory.LongestText(model.Config), "max_position_embeddings");
        (DecodedRows, PrefilledTokens) = (0, 0);
        if (requests.Count == 0)
        {
            return [];
        }

        ct.ThrowIfCancellationRequested();
        var sampler = new TokenSampler(model.Config.VocabSize);
        var groups = new SequenceGroup[requests.Count];
        var sequences = 0;
        for (var i = 0; i < groups.Length; i++)
        {
            var first = sequences;
            sequences += requests[i].Parameters.NumReturnSequences;
            groups[i] = SequenceGroup.Create(
                requests[i], sampler, model.Config.EosTokenIds, tokenizer, onToken is null ? null : token => onToken(token with { Sequence = first + token.Sequence }));
        }

        Run(groups, ct);
        return [.. groups.SelectMany(group => group.Results!)];
    }

    private static GeneratorOptions Checked(GeneratorOptions options) => options.Validate() is { Count: > 0 } faults
        ? throw new ArgumentException(string.Join("; ", faults), nameof(options))
        : options;

    private void Run(SequenceGroup[] groups, CancellationToken ct)
    {
        // The last token is drawn but never read again.
        var maxLength = groups.Max(group => group.Request.PromptIds.Length + group.Request.Parameters.MaxNewTokens - 1);
        var slots = DecoderFactory.Slots(model, groups.Sum(group => (long)group.Rows), groups.Max(group => group.Rows), maxLength, _options);
        using var decoder = DecoderFactory.Create(model, slots, maxLength, _options.LoadIn8Bit);
        var scheduler = new BatchScheduler(decoder, model.Config.VocabSize, _options.MaxPrefillTokens);
        foreach (var group in groups)
        {
            scheduler.Add(group);
        }

        while (scheduler.HasWork)
        {
            scheduler.Step(ct, ThrowIfFailed);
        }

        (DecodedRows, PrefilledTokens) = (scheduler.DecodedRows, scheduler.PrefilledTokens);
    }

    private static void ThrowIfFailed(SequenceGroup group)
    {
        if (group.Failure is not null)
        {
            ExceptionDispatchInfo.Throw(group.Failure);
        }
    }
}
