using Rlhf.Modeling.Tokenization;

namespace Rlhf.Modeling.Generation;

// Legend: R rows of the group, V vocabulary

/// <summary>
/// Beam search as in Hugging Face transformers: of all continuations of all beams by one token the best are the next beams; one that ends
/// the text becomes a hypothesis if it is among the best NumBeams. Scores are log-probabilities divided by length^length_penalty.
/// </summary>
internal sealed class BeamGroup : SequenceGroup
{
    private readonly TokenSampler _sampler;
    private readonly BeamCandidates _candidates;
    private readonly List<Hypothesis> _finished = [];
    private List<Beam> _beams = [];

    public BeamGroup(GenerationRequest request, TokenSampler sampler, int[] eosIds, Tokenizer? tokenizer, Action<GeneratedToken>? onToken)
        : base(request, eosIds, tokenizer, onToken)
    {
        _sampler = sampler;

        // So many that NumBeams remain even if every beam's best continuations are all of those that end the text.
        _candidates = new BeamCandidates(Math.Max(2, 1 + EndIds.Length) * request.Parameters.NumBeams);
    }

    public override int Rows => Parameters.NumBeams;

    public override int NextToken(int row) => _beams[row].Ids[^1];

    protected override void Start(ReadOnlySpan<float> logits_V)
    {
        _beams = [new Beam(Request.PromptIds, [], 0)];
        Continue(logits_V);
    }

    protected override void Continue(ReadOnlySpan<float> logits_RV)
    {
        Collect(logits_RV);
        var length = _beams[0].Logprobs.Length + 1;
        var next = new List<(int Parent, Beam Beam)>();
        for (var rank = 0; rank < _candidates.Count && next.Count < Parameters.NumBeams; rank++)
        {
            var (score, parent, token, logprob) = _candidates[rank];
            var beam = new Beam([.. _beams[parent].Ids, token], [.. _beams[parent].Logprobs, logprob], score);
            if (!EndIds.Contains(token))
            {
                next.Add((parent, beam));
            }
            else if (rank < Parameters.NumBeams)
            {
                AddHypothesis(beam, length, GeneratedSequence.Stop);
            }
        }

        if (next.Count == 0 || IsDone(_candidates[0].Score, length))
        {
            Finish();
        }
        else if (length == Parameters.MaxNewTokens)
        {
            foreach (var (_, beam) in next)
            {
                AddHypothesis(beam, length, GeneratedSequence.Length);
            }

            Finish();
        }
        else
        {
            Rearrange(next);
        }
    }

    private void Collect(ReadOnlySpan<float> logits_RV)
    {
        _candidates.Clear();
        var vocabSize = logits_RV.Length / _beams.Count;
        for (var row = 0; row < _beams.Count; row++)
        {
            var logits = logits_RV.Slice(row * vocabSize, vocabSize);
            var scores = _sampler.ProcessedLogprobs(logits, Parameters, _beams[row].Ids, Request.PromptIds.Length, EndIds, out var normalizer);
            _candidates.Add(row, _beams[row].Score, scores, logits, normalizer);
        }

        TokenSampler.ThrowIfAllForbidden(_candidates.Count == 0 ? double.NegativeInfinity : 0);
    }

    private void AddHypothesis(Beam beam, int length, string finishReason)
    {
        // Sorted, best first; of equals the one that came first stays first.
        var hypothesis = new Hypothesis(beam, beam.Score / Math.Pow(length, Parameters.LengthPenalty), finishReason);
        var place = _finished.FindIndex(other => other.Score < hypothesis.Score);
        _finished.Insert(place < 0 ? _finished.Count : place, hypothesis);
        if (_finished.Count > Parameters.NumBeams)
        {
            _finished.RemoveAt(_finished.Count - 1);
        }
    }

    private bool IsDone(double best, int length)
    {
        if (_finished.Count < Parameters.NumBeams)
        {
            return false;
        }

        var attainableLength = Parameters.EarlyStopping == EarlyStopping.Never && Parameters.LengthPenalty > 0 ? Parameters.MaxNewTokens : length;
        return Parameters.EarlyStopping == EarlyStopping.True
            || _finished[^1].Score >= best / Math.Pow(attainableLength, Parameters.LengthPenalty);
    }

    /// <summary>Gives every new beam a slot with its parent's past: the first child keeps the parent's, others get copies.</summary>
    private void Rearrange(List<(int Parent, Beam Beam)> next)
    {
        var parents = next.Select(child => child.Parent).ToHashSet();
        int[] old = [.. Held];
        for (var row = 0; row < old.Length; row++)
        {
            if (!parents.Contains(row))
            {
                Held.Remove(old[row]);
                Return(old[row]);
            }
        }

        var taken = new HashSet<int>();
        var slots = new List<int>();
        foreach (var (parent, _) in next)
        {
            var slot = taken.Add(parent) ? old[parent] : Fork(old[parent]);
            slots.Add(slot);
            if (slot != old[parent])
            {
                Held.Add(slot);
            }
        }

        Held.Clear();
        slots.ForEach(Held.Add);
        _beams = [.. next.Select(child => child.Beam)];
    }

    private void Finish()
    {
        ReturnAll();
        var best = _finished.Take(Parameters.NumReturnSequences).ToArray();
        Results = [.. best.Select(Result)];
    }

    private GeneratedSequence Result(Hypothesis hypothesis, int index)
    {
        var ids = hypothesis.Beam.Ids[Request.PromptIds.Length..];
        var text = NewText();
        for (var i = 0; i < ids.Length; i++)
        {
            var last = i == ids.Length - 1;
            var ended = last && hypothesis.FinishReason == GeneratedSequence.Stop;
            var piece = ended ? "" : text?.Append(ids[i], mayStop: false);
            piece += last ? text?.Flush() : "";
            Emit(new GeneratedToken(index, ids[i], hypothesis.Beam.Logprobs[i], piece ?? "", last ? hypothesis.FinishReason : null));
        }

        return new GeneratedSequence(Request.PromptIds, ids, hypothesis.Beam.Logprobs, hypothesis.FinishReason) { Text = text?.Text, Score = hypothesis.Score };
    }

    /// <summary>Prompt and new tokens, the model's log-probabilities of the new ones, and the sum of the processed ones.</summary>
    private sealed record Beam(int[] Ids, float[] Logprobs, double Score);

    private sealed record Hypothesis(Beam Beam, double Score, string FinishReason);
}
