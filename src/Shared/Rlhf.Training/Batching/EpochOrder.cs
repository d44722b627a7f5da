using Rlhf.Numerics;

namespace Rlhf.Training.Batching;

/// <summary>
/// The order in which a fixed set of examples is drawn: a new permutation from Philox(seed, stream) for every epoch, where an
/// epoch's stream is the given one plus the epoch's number. The n-th draw is a pure function of n, so a cursor is the whole state.
/// </summary>
public sealed class EpochOrder
{
    private readonly int _count;
    private readonly ulong _seed;
    private readonly ulong _stream;
    private int[] _permutation = [];
    private long _epoch = -1;

    /// <summary>Makes the order.</summary>
    /// <param name="count">How many examples there are.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="stream">The stream of epoch 0.</param>
    public EpochOrder(int count, ulong seed, ulong stream)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        (_count, _seed, _stream) = (count, seed, stream);
    }

    /// <summary>The example of draw number <paramref name="draw"/> (from 0).</summary>
    public int At(long draw)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(draw);
        var epoch = draw / _count;
        if (epoch != _epoch)
        {
            _permutation = new Philox(_seed, _stream + (ulong)epoch).Permutation(_count);
            _epoch = epoch;
        }

        return _permutation[draw % _count];
    }
}
