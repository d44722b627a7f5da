using System.Numerics;

namespace Rlhf.Modeling.Generation;

/// <summary>The best continuations of all beams by one token, best first.</summary>
internal sealed class BeamCandidates(int capacity)
{
    private readonly List<(double Score, int Parent, int Token, float Logprob)> _best = new(capacity + 1);

    public int Count => _best.Count;

    public (double Score, int Parent, int Token, float Logprob) this[int rank] => _best[rank];

    public void Clear() => _best.Clear();

    /// <summary>Offers every continuation of one beam.</summary>
    /// <param name="parent">Which beam.</param>
    /// <param name="sum">Its score so far.</param>
    /// <param name="scores">What each token adds; −∞: forbidden.</param>
    /// <param name="logits">The model's logits.</param>
    /// <param name="normalizer">What makes them log-probabilities.</param>
    public void Add(int parent, double sum, ReadOnlySpan<float> scores, ReadOnlySpan<float> logits, double normalizer)
    {
        var wide = Vector<float>.Count;
        for (var start = 0; start < scores.Length; start += wide)
        {
            var end = Math.Min(start + wide, scores.Length);

            // A float that is not above the bound cannot be above it in double precision either.
            var bound = (float)(Worst - sum);
            if (end - start == wide && !Vector.GreaterThanOrEqualAny(new Vector<float>(scores[start..]), new Vector<float>(bound)))
            {
                continue;
            }

            for (var token = start; token < end; token++)
            {
                if (sum + scores[token] > Worst)
                {
                    Insert((sum + scores[token], parent, token, (float)(logits[token] - normalizer)));
                }
            }
        }
    }

    private double Worst => _best.Count < capacity ? double.NegativeInfinity : _best[^1].Score;

    private void Insert((double Score, int Parent, int Token, float Logprob) candidate)
    {
        var place = _best.Count;
        while (place > 0 && _best[place - 1].Score < candidate.Score)
        {
            place--;
        }

        _best.Insert(place, candidate);
        if (_best.Count > capacity)
        {
            _best.RemoveAt(capacity);
        }
    }
}
