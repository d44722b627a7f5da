namespace Rlhf.Modeling.Generation;

/// <summary>
/// Finds how far down a list one has to go, largest key first, to gather a given mass, without sorting: three passes, each fixing the
/// next 11 bits of the answer from a histogram (radix selection; Knuth, The Art of Computer Programming 3, 5.2.5).
/// </summary>
internal sealed class RadixSelection
{
    private const int BucketBits = 11;
    private const int Buckets = 1 << BucketBits;
    private readonly double[] _buckets = new double[Buckets];

    // A second histogram: neighbours often fall into the same bucket, and one addition would have to wait for the other.
    private readonly double[] _others = new double[Buckets];

    /// <summary>The largest key such that it and all larger ones have at least the target mass together.</summary>
    /// <param name="keys">At least one with a positive mass. Bits of floats that are not negative have the order of the floats.</param>
    /// <param name="masses">The mass of each; empty: 1 each.</param>
    /// <param name="target">Positive; if all together do not reach it, the smallest key is the answer.</param>
    public uint Threshold(ReadOnlySpan<uint> keys, ReadOnlySpan<float> masses, double target)
    {
        uint prefix = 0, fixedBits = 0;
        double above = 0;
        for (var shift = 32 - BucketBits; ; shift = Math.Max(shift - BucketBits, 0))
        {
            Fill(keys, masses, prefix, fixedBits, shift);
            var chosen = -1;
            for (var bucket = Buckets - 1; bucket >= 0; bucket--)
            {
                if (_buckets[bucket] > 0)
                {
                    above += chosen >= 0 ? _buckets[chosen] : 0;
                    chosen = bucket;
                    if (above + _buckets[bucket] >= target)
                    {
                        break;
                    }
                }
            }

            // Bits that two passes share agree in both, so the last one may overlap the one before it.
            prefix |= (uint)chosen << shift;
            fixedBits |= (uint)(Buckets - 1) << shift;
            if (shift == 0)
            {
                return prefix;
            }
        }
    }

    private void Fill(ReadOnlySpan<uint> keys, ReadOnlySpan<float> masses, uint prefix, uint fixedBits, int shift)
    {
        Array.Clear(_buckets);
        Array.Clear(_others);
        for (var i = 0; i < keys.Length; i++)
        {
            if ((keys[i] & fixedBits) == prefix)
            {
                var bucket = (keys[i] >> shift) & (Buckets - 1);
                var mass = masses.IsEmpty ? 1 : masses[i];
                if ((i & 1) == 0)
                {
                    _buckets[bucket] += mass;
                }
                else
                {
                    _others[bucket] += mass;
                }
            }
        }

        for (var bucket = 0; bucket < Buckets; bucket++)
        {
            _buckets[bucket] += _others[bucket];
        }
    }
}
