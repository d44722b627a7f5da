using System.Numerics;
using Rlhf.Numerics;

namespace Rlhf.Modeling.Generation;

/// <summary>Draws one token from a row of logits, by inversion of the cumulative distribution in order of ids.</summary>
internal sealed class TokenSampler(SamplingParameters parameters, int vocabSize)
{
    private readonly float[] _weights = new float[vocabSize];

    /// <summary>The token and its log-probability under the untruncated distribution at temperature 1.</summary>
    /// <param name="logits">[V].</param>
    /// <param name="random">Positioned for this token; not used when greedy.</param>
    /// <exception cref="InvalidOperationException">If the logits hold NaN or infinity: the model is broken.</exception>
    public (int Token, float Logprob) Sample(ReadOnlySpan<float> logits, Philox random)
    {
        var best = ArgMax(logits);
        var max = logits[best];
        var total = Exponentials(logits, max, 1f);
        if (!float.IsFinite(max) || !double.IsFinite(total))
        {
            throw new InvalidOperationException("the model's logits are not finite: its weights are damaged or training diverged");
        }

        var token = best;
        if (parameters.Temperature > 0)
        {
            var weightTotal = parameters.Temperature == 1 ? total : Exponentials(logits, max, (float)(1 / parameters.Temperature));
            if (parameters.TopK > 0 && parameters.TopK < vocabSize)
            {
                weightTotal = KeepTopK(parameters.TopK);
            }

            if (parameters.TopP < 1)
            {
                weightTotal = KeepTopP(parameters.TopP, weightTotal);
            }

            token = Invert(random.NextDouble() * weightTotal, best);
        }

        return (token, (float)(logits[token] - max - Math.Log(total)));
    }

    private static int ArgMax(ReadOnlySpan<float> logits)
    {
        var best = 0;
        for (var i = 1; i < logits.Length; i++)
        {
            if (logits[i] > logits[best])
            {
                best = i;
            }
        }

        return best;
    }

    /// <summary>Sets the weights to exp((logit − max) · scale) and returns their sum.</summary>
    private double Exponentials(ReadOnlySpan<float> logits, float max, float scale)
    {
        var sums = Vector<float>.Zero;
        var i = 0;
        for (; i <= logits.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var weights = Vector.Exp((new Vector<float>(logits[i..]) - new Vector<float>(max)) * scale);
            weights.CopyTo(_weights, i);
            sums += weights;
        }

        double total = Vector.Sum(sums);
        for (; i < logits.Length; i++)
        {
            _weights[i] = MathF.Exp((logits[i] - max) * scale);
            total += _weights[i];
        }

        return total;
    }

    private double KeepTopK(int k)
    {
        // A heap of the k largest; most weights are below its smallest and cost one comparison.
        var largest = new PriorityQueue<float, float>(k);
        foreach (var weight in _weights)
        {
            if (largest.Count < k)
            {
                largest.Enqueue(weight, weight);
            }
            else if (weight > largest.Peek())
            {
                largest.EnqueueDequeue(weight, weight);
            }
        }

        var threshold = largest.Peek();
        double total = 0;
        for (var i = 0; i < _weights.Length; i++)
        {
            _weights[i] = _weights[i] >= threshold ? _weights[i] : 0;
            total += _weights[i];
        }

        return total;
    }

    private double KeepTopP(double p, double total)
    {
        // Weights below (1 − p)·total/V cannot be needed: all of them together have less than 1 − p. The rest is sorted.
        var negligible = (1 - p) * total / _weights.Length;
        var candidates = new List<int>();
        for (var i = 0; i < _weights.Length; i++)
        {
            if (_weights[i] > 0 && _weights[i] >= negligible)
            {
                candidates.Add(i);
            }
        }

        candidates.Sort((left, right) => _weights[right].CompareTo(_weights[left]) is var order and not 0 ? order : left.CompareTo(right));
        var kept = new Dictionary<int, float>();
        double sum = 0;
        foreach (var candidate in candidates)
        {
            kept.Add(candidate, _weights[candidate]);
            sum += _weights[candidate];
            if (sum >= p * total)
            {
                break;
            }
        }

        Array.Clear(_weights);
        foreach (var (candidate, weight) in kept)
        {
            _weights[candidate] = weight;
        }

        return sum;
    }

    private int Invert(double point, int fallback)
    {
        double sum = 0;
        var last = fallback;
        for (var i = 0; i < _weights.Length; i++)
        {
            if (_weights[i] > 0)
            {
                sum += _weights[i];
                last = i;
                if (point < sum)
                {
                    return i;
                }
            }
        }

        // Rounding may leave the sum a hair below the total that scaled the point.
        return last;
    }
}
