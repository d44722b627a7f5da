using System.Numerics;
using System.Runtime.InteropServices;

namespace Rlhf.Modeling.Generation;

/// <summary>
/// Turns logits into the distribution that is drawn from: temperature, then the truncations, in the order and with the meaning of the
/// logits warpers of Hugging Face transformers. Nothing is sorted, and nothing is allocated for a token.
/// </summary>
internal sealed class LogitsWarpers(int vocabSize)
{
    private const int DrawBlock = 1024;
    private readonly float[] _weights = new float[vocabSize];
    private readonly int[] _kept = new int[vocabSize];
    private readonly uint[] _keys = new uint[vocabSize];
    private readonly float[] _masses = new float[vocabSize];
    private readonly RadixSelection _selection = new();
    private bool _truncated;
    private int _count;
    private double _total;

    /// <summary>The ids that may be drawn, rising; empty if no truncation is on: any id may.</summary>
    public ReadOnlySpan<int> Kept => _kept.AsSpan(0, _truncated ? _count : 0);

    /// <summary>The weight of each id, exp((logit − max) / temperature); of truncated ids too.</summary>
    public ReadOnlySpan<float> Weights => _weights;

    /// <summary>Prepares the distribution of one token.</summary>
    /// <param name="logits">[V], with −∞ for what must not come.</param>
    /// <param name="max">The largest of them.</param>
    /// <param name="parameters">Temperature above 0, and the truncations.</param>
    /// <returns>The sum of all weights before anything is truncated; not finite if the logits are not, and then there is no distribution.</returns>
    public double Apply(ReadOnlySpan<float> logits, float max, SamplingParameters parameters)
    {
        var scale = (float)(1 / parameters.Temperature);
        _truncated = false;
        var total = _total = VectorMath.Exp(logits, max, scale, _weights);
        if (!double.IsFinite(total))
        {
            return total;
        }

        if (parameters.TopK > 0 && parameters.TopK < vocabSize)
        {
            Truncate(BitConverter.UInt32BitsToSingle(_selection.Threshold(MemoryMarshal.Cast<float, uint>(_weights), [], parameters.TopK)));
        }

        if (parameters.TopP < 1)
        {
            KeepTopP(parameters.TopP);
        }

        if (parameters.MinP > 0)
        {
            // The most probable token has weight 1.
            Truncate((float)parameters.MinP);
        }

        if (parameters.TypicalP < 1)
        {
            KeepTypical(parameters.TypicalP, logits, max, scale);
        }

        if (parameters.EpsilonCutoff > 0)
        {
            Truncate(0);
            CutOff(parameters.EpsilonCutoff);
        }

        if (parameters.EtaCutoff > 0)
        {
            Truncate(0);
            CutOff(Math.Min(parameters.EtaCutoff, Math.Sqrt(parameters.EtaCutoff) * Math.Exp(-Entropy(logits, max, scale))));
        }

        return total;
    }

    /// <summary>The token at a point of the cumulative distribution, in order of ids.</summary>
    /// <param name="point">In [0, 1).</param>
    public int Draw(double point)
    {
        point *= _total;
        double sum = 0;
        var last = 0;
        if (_truncated)
        {
            foreach (var id in Kept)
            {
                sum += _weights[id];
                last = id;
                if (point < sum)
                {
                    break;
                }
            }

            return last;
        }

        for (var start = 0; start < vocabSize; start += DrawBlock)
        {
            var block = _weights.AsSpan(start, Math.Min(DrawBlock, vocabSize - start));
            var blockSum = VectorMath.Sum(block);
            if (point >= sum + blockSum)
            {
                sum += blockSum;
                last = blockSum > 0 ? start + block.LastIndexOfAnyExcept(0f) : last;
                continue;
            }

            for (var i = 0; i < block.Length; i++)
            {
                sum += block[i];
                last = block[i] > 0 ? start + i : last;
                if (point < sum)
                {
                    return last;
                }
            }
        }

        // Rounding may leave the sum a hair below the total that scaled the point.
        return last;
    }

    /// <summary>Keeps the ids with at least this weight, and sets the total to theirs. Ids without any weight go in any case.</summary>
    private void Truncate(float threshold)
    {
        threshold = MathF.Max(threshold, float.Epsilon);
        if (_truncated)
        {
            var count = 0;
            foreach (var id in Kept)
            {
                if (_weights[id] >= threshold)
                {
                    _kept[count++] = id;
                }
            }

            _count = count;
        }
        else
        {
            CollectFrom(threshold);
        }

        _total = 0;
        foreach (var id in Kept)
        {
            _total += _weights[id];
        }
    }

    /// <summary>Keeps the ids with at least this probability, and the most probable of what is left.</summary>
    private void CutOff(double probability)
    {
        var best = 0f;
        foreach (var id in Kept)
        {
            best = MathF.Max(best, _weights[id]);
        }

        Truncate(MathF.Min(best, (float)(probability * _total)));
    }

    private void CollectFrom(float threshold)
    {
        var thresholds = new Vector<float>(threshold);
        _truncated = true;
        _count = 0;
        for (var start = 0; start < vocabSize; start += Vector<float>.Count)
        {
            var end = Math.Min(start + Vector<float>.Count, vocabSize);
            if (end - start == Vector<float>.Count && !Vector.GreaterThanOrEqualAny(new Vector<float>(_weights, start), thresholds))
            {
                continue;
            }

            for (var id = start; id < end; id++)
            {
                if (_weights[id] >= threshold)
                {
                    _kept[_count++] = id;
                }
            }
        }
    }

    private void KeepTopP(double p)
    {
        var target = p * _total;
        if (!_truncated)
        {
            // Weights below (1 − p)·total/V cannot be needed: all of them together have less than 1 − p.
            CollectFrom(MathF.Max((float)((1 - p) * _total / vocabSize), float.Epsilon));
        }

        for (var i = 0; i < _count; i++)
        {
            _masses[i] = _weights[_kept[i]];
        }

        var masses = _masses.AsSpan(0, _count);
        var threshold = BitConverter.UInt32BitsToSingle(_selection.Threshold(MemoryMarshal.Cast<float, uint>(masses), masses, target));
        double above = 0;
        foreach (var mass in masses)
        {
            above += mass > threshold ? mass : 0;
        }

        // Among equals at the threshold only as many stay as are needed.
        var count = 0;
        _total = 0;
        for (var i = 0; i < masses.Length; i++)
        {
            var needed = masses[i] == threshold && (above < target || above == 0);
            if (masses[i] > threshold || needed)
            {
                above += needed ? masses[i] : 0;
                _kept[count++] = _kept[i];
                _total += masses[i];
            }
        }

        _count = count;
    }

    private void KeepTypical(double p, ReadOnlySpan<float> logits, float max, float scale)
    {
        // The logarithm of a weight is at hand: it is what the weight is the exponential of.
        Truncate(0);
        var typical = Math.Log(_total) - Entropy(logits, max, scale);
        for (var i = 0; i < _count; i++)
        {
            var id = _kept[i];
            _masses[i] = _weights[id];
            _keys[i] = ~BitConverter.SingleToUInt32Bits((float)Math.Abs(typical - ((logits[id] - max) * scale)));
        }

        var threshold = _selection.Threshold(_keys.AsSpan(0, _count), _masses.AsSpan(0, _count), p * _total);
        var count = 0;
        _total = 0;
        for (var i = 0; i < _count; i++)
        {
            if (_keys[i] >= threshold)
            {
                _kept[count++] = _kept[i];
                _total += _masses[i];
            }
        }

        _count = count;
    }

    /// <summary>−Σ p·ln p over what is kept, in nats.</summary>
    private double Entropy(ReadOnlySpan<float> logits, float max, float scale)
    {
        double sum = 0;
        foreach (var id in Kept)
        {
            sum += _weights[id] * ((logits[id] - max) * scale);
        }

        return Math.Log(_total) - (sum / _total);
    }
}
