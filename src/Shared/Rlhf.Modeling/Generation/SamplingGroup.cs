using System.Runtime.InteropServices;
using Rlhf.Modeling.Tokenization;
using Rlhf.Numerics;

namespace Rlhf.Modeling.Generation;

// Legend: R rows of the group, V vocabulary

/// <summary>Continuations of one prompt that are drawn independently. Each gives its slot back as soon as it ends.</summary>
internal sealed class SamplingGroup : SequenceGroup
{
    private readonly TokenSampler _sampler;
    private readonly Row[] _all;
    private readonly List<Row> _running = [];
    private bool _begun;

    public SamplingGroup(GenerationRequest request, TokenSampler sampler, int[] eosIds, Tokenizer? tokenizer, Action<GeneratedToken>? onToken)
        : base(request, eosIds, tokenizer, onToken)
    {
        _sampler = sampler;
        _all = new Row[request.Parameters.NumReturnSequences];
    }

    public override int Rows => _begun ? Slots.Count : _all.Length;

    public override int NextToken(int row) => _running[row].Ids[^1];

    protected override void Start(ReadOnlySpan<float> logits_V)
    {
        _begun = true;
        for (var i = 0; i < _all.Length; i++)
        {
            _all[i] = new Row(i, Request, NewText());
            Draw(_all[i], logits_V);
            if (_all[i].FinishReason is null)
            {
                _running.Add(_all[i]);
            }
        }

        if (_running.Count == 0)
        {
            ReturnAll();
        }

        for (var i = 1; i < _running.Count; i++)
        {
            Held.Add(Fork(Held[0]));
        }

        FinishIfDone();
    }

    protected override void Continue(ReadOnlySpan<float> logits_RV)
    {
        var vocabSize = logits_RV.Length / _running.Count;
        for (var i = 0; i < _running.Count; i++)
        {
            Draw(_running[i], logits_RV.Slice(i * vocabSize, vocabSize));
        }

        for (var i = _running.Count - 1; i >= 0; i--)
        {
            if (_running[i].FinishReason is not null)
            {
                Return(Held[i]);
                Held.RemoveAt(i);
                _running.RemoveAt(i);
            }
        }

        FinishIfDone();
    }

    private void FinishIfDone()
    {
        if (_running.Count == 0)
        {
            Results = [.. _all.Select(row => new GeneratedSequence(
                Request.PromptIds, [.. row.Ids.Skip(Request.PromptIds.Length)], [.. row.Logprobs], row.FinishReason!) { Text = row.Text?.Text })];
        }
    }

    private void Draw(Row row, ReadOnlySpan<float> logits)
    {
        var prompt = Request.PromptIds.Length;
        row.Random.Position = 2 * (ulong)row.Logprobs.Count;
        var (token, logprob) = _sampler.Sample(logits, Parameters, CollectionsMarshal.AsSpan(row.Ids), prompt, EndIds, row.Random);
        row.Ids.Add(token);
        row.Logprobs.Add(logprob);
        var mayStop = row.Logprobs.Count >= Parameters.MinNewTokens;
        var ended = EndIds.Contains(token);
        var piece = ended ? "" : row.Text?.Append(token, mayStop) ?? "";
        if (ended || row.Text is { Stopped: true })
        {
            row.FinishReason = GeneratedSequence.Stop;
        }
        else if (row.Logprobs.Count == Parameters.MaxNewTokens)
        {
            row.FinishReason = GeneratedSequence.Length;
        }

        if (row.FinishReason is not null)
        {
            piece += row.Text?.Flush();
        }

        Emit(new GeneratedToken(row.Index, token, logprob, piece, row.FinishReason));
    }

    private sealed class Row(int index, GenerationRequest request, TextStream? text)
    {
        public int Index { get; } = index;

        /// <summary>The prompt and what follows it.</summary>
        public List<int> Ids { get; } = [.. request.PromptIds];

        public List<float> Logprobs { get; } = [];

        public Philox Random { get; } = new(request.Seed, request.FirstSequence + (ulong)index);

        public TextStream? Text { get; } = text;

        public string? FinishReason { get; set; }
    }
}
