using System.Runtime.CompilerServices;

namespace Rlhf.Numerics;

/// <summary>
/// Philox4x32-10, the counter-based generator of Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011).
/// Every draw is a pure function of (seed, stream, position), so saving <see cref="Position"/> saves the whole state, and
/// two streams never depend on the order in which they are used.
/// </summary>
public sealed class Philox
{
    private const uint Multiplier0 = 0xD2511F53;
    private const uint Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9;
    private const uint Weyl1 = 0xBB67AE85;

    private readonly uint _b0, _b1, _b2, _b3;
    private ulong _cachedBlock = ulong.MaxValue;
    private uint _c0, _c1, _c2, _c3;

    /// <summary>A generator for one (seed, stream) pair, at position 0.</summary>
    /// <param name="seed">The key: usually the run's seed.</param>
    /// <param name="stream">Which independent sequence: an episode, a row, a purpose.</param>
    public Philox(ulong seed, ulong stream = 0)
    {
        Seed = seed;
        Stream = stream;
        _b0 = (uint)seed;
        _b1 = (uint)(seed >> 32);
        _b2 = (uint)stream;
        _b3 = (uint)(stream >> 32);
    }

    /// <summary>The key given to the constructor.</summary>
    public ulong Seed { get; }

    /// <summary>The stream given to the constructor.</summary>
    public ulong Stream { get; }

    /// <summary>How many 32-bit words have been drawn; set it to continue a saved sequence.</summary>
    public ulong Position { get; set; }

    /// <summary>The next 32 uniformly distributed bits.</summary>
    public uint NextUInt32()
    {
        var block = Position >> 2;
        if (block != _cachedBlock)
        {
            Block(block);
        }

        return (Position++ & 3) switch { 0 => _c0, 1 => _c1, 2 => _c2, _ => _c3 };
    }

    /// <summary>The next 64 uniformly distributed bits (two words, low word first).</summary>
    public ulong NextUInt64()
    {
        ulong low = NextUInt32();
        return low | ((ulong)NextUInt32() << 32);
    }

    /// <summary>A uniform number in [0, 1) with 53 random bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>A uniform integer in [0, <paramref name="exclusiveMax"/>), without modulo bias (Lemire 2019).</summary>
    /// <exception cref="ArgumentOutOfRangeException">If the bound is not positive.</exception>
    public int Next(int exclusiveMax)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(exclusiveMax);
        var range = (uint)exclusiveMax;
        var threshold = (0u - range) % range;
        while (true)
        {
            var product = (ulong)NextUInt32() * range;
            if ((uint)product >= threshold)
            {
                return (int)(product >> 32);
            }
        }
    }

    /// <summary>True with probability <paramref name="probability"/>.</summary>
    public bool Chance(double probability) => NextDouble() < probability;

    /// <summary>One of the items, uniformly.</summary>
    public T Choose<T>(IReadOnlyList<T> items) => items[Next(items.Count)];

    /// <summary>A standard normal number (Box–Muller, the cosine branch; two uniforms a draw).</summary>
    public double NextNormal()
    {
        var u = 1.0 - NextDouble();
        var v = NextDouble();
        return Math.Sqrt(-2.0 * Math.Log(u)) * Math.Cos(2.0 * Math.PI * v);
    }

    /// <summary>Fisher–Yates shuffle in place.</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = Next(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    /// <summary>The numbers 0 … <paramref name="count"/> − 1 in random order.</summary>
    public int[] Permutation(int count)
    {
        var order = new int[count];
        for (var i = 0; i < count; i++)
        {
            order[i] = i;
        }

        Shuffle<int>(order);
        return order;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Block(ulong block)
    {
        uint c0 = (uint)block, c1 = (uint)(block >> 32), c2 = _b2, c3 = _b3;
        uint k0 = _b0, k1 = _b1;
        for (var round = 0; round < 10; round++)
        {
            var p0 = (ulong)Multiplier0 * c0;
            var p1 = (ulong)Multiplier1 * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += Weyl0;
            k1 += Weyl1;
        }

        (_c0, _c1, _c2, _c3) = (c0, c1, c2, c3);
        _cachedBlock = block;
    }
}
