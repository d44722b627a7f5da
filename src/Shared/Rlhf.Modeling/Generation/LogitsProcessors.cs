namespace Rlhf.Modeling.Generation;

/// <summary>
/// Changes logits by what was said so far: bias, penalties, forbidden n-grams, minimum length. Order and meaning are those of the
/// logits processors of Hugging Face transformers.
/// </summary>
internal sealed class LogitsProcessors(int vocabSize)
{
    // Says which ids one pass has met already: equal to the pass's number. Clearing a set for every token would cost more.
    private readonly int[] _metIn = new int[vocabSize];
    private int _pass;

    /// <summary>Whether <see cref="Apply"/> would leave the scores as they are.</summary>
    public static bool AreIdle(SamplingParameters parameters, int newTokens) =>
        parameters is { RepetitionPenalty: 1, PresencePenalty: 0, FrequencyPenalty: 0, NoRepeatNgramSize: 0, LogitBias.Count: 0 }
        && newTokens >= parameters.MinNewTokens;

    /// <summary>Changes the scores in place.</summary>
    /// <param name="scores">Logits or log-probabilities, [V].</param>
    /// <param name="parameters">Which to apply.</param>
    /// <param name="ids">Prompt and text so far.</param>
    /// <param name="promptLength">How many of them are the prompt.</param>
    /// <param name="endIds">What must not come before the minimum length.</param>
    public void Apply(Span<float> scores, SamplingParameters parameters, ReadOnlySpan<int> ids, int promptLength, ReadOnlySpan<int> endIds)
    {
        foreach (var (id, bias) in parameters.LogitBias)
        {
            scores[id] += bias;
        }

        if (parameters.RepetitionPenalty != 1)
        {
            PenalizeRepetition(scores, ids, (float)parameters.RepetitionPenalty);
        }

        if (parameters.PresencePenalty != 0 || parameters.FrequencyPenalty != 0)
        {
            PenalizePresence(scores, ids[promptLength..], (float)parameters.PresencePenalty, (float)parameters.FrequencyPenalty);
        }

        if (parameters.NoRepeatNgramSize > 0)
        {
            ForbidNgrams(scores, ids, parameters.NoRepeatNgramSize);
        }

        if (ids.Length - promptLength < parameters.MinNewTokens)
        {
            foreach (var id in endIds)
            {
                scores[id] = float.NegativeInfinity;
            }
        }
    }

    private static void ForbidNgrams(Span<float> scores, ReadOnlySpan<int> ids, int size)
    {
        if (ids.Length + 1 < size)
        {
            return;
        }

        var start = ids[(ids.Length - size + 1)..];
        for (var i = 0; i + size <= ids.Length; i++)
        {
            if (ids.Slice(i, size - 1).SequenceEqual(start))
            {
                scores[ids[i + size - 1]] = float.NegativeInfinity;
            }
        }
    }

    private void PenalizeRepetition(Span<float> scores, ReadOnlySpan<int> ids, float penalty)
    {
        _pass++;
        foreach (var id in ids)
        {
            if (IsFirst(id))
            {
                scores[id] = scores[id] < 0 ? scores[id] * penalty : scores[id] / penalty;
            }
        }
    }

    private void PenalizePresence(Span<float> scores, ReadOnlySpan<int> ids, float presence, float frequency)
    {
        _pass++;
        foreach (var id in ids)
        {
            scores[id] -= IsFirst(id) ? presence + frequency : frequency;
        }
    }

    private bool IsFirst(int id)
    {
        var first = _metIn[id] != _pass;
        _metIn[id] = _pass;
        return first;
    }
}
