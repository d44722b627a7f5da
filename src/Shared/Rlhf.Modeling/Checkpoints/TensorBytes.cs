using System.Numerics;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Checkpoints;

/// <summary>Moves bytes between files and tensors.</summary>
internal static class TensorBytes
{
    private const long PartElements = 1L << 27;

    /// <summary>Small enough that what was copied is still in the processor's cache when it is checked.</summary>
    private const int BlockBytes = 1 << 16;

    /// <summary>From here on a copy is shared out to threads.</summary>
    private const long ParallelBytes = 1L << 22;

    /// <summary>A contiguous tensor's memory in parts small enough for a span.</summary>
    public static IEnumerable<Tensor> Parts(Tensor tensor)
    {
        using var flat = tensor.view(-1);
        var count = flat.numel();
        for (var start = 0L; start < count; start += PartElements)
        {
            using var part = flat.narrow(0, start, Math.Min(PartElements, count - start));
            yield return part;
        }
    }

    /// <summary>Copies to a contiguous tensor in main memory.</summary>
    /// <param name="source">As many bytes as the tensor has.</param>
    /// <param name="target">The tensor.</param>
    /// <returns>Whether every number is finite; true for integers.</returns>
    public static unsafe bool Copy(byte* source, Tensor target)
    {
        var finite = true;
        foreach (var part in Parts(target))
        {
            var bytes = part.bytes;
            fixed (byte* destination = bytes)
            {
                finite &= Copy(source, destination, bytes.Length, target.dtype);
            }

            source += bytes.Length;
            GC.KeepAlive(part);
        }

        return finite;
    }

    private static unsafe bool Copy(byte* source, byte* destination, long length, ScalarType dtype)
    {
        var blocks = (length + BlockBytes - 1) / BlockBytes;
        if (length < ParallelBytes)
        {
            return Blocks(0, blocks);
        }

        // Two threads draw more from memory than one; more add little.
        const int Threads = 2;
        var results = new bool[Threads];
        Parallel.For(0, Threads, t => results[t] = Blocks(blocks * t / Threads, blocks * (t + 1) / Threads));
        return Array.TrueForAll(results, result => result);

        bool Blocks(long first, long end)
        {
            var finite = true;
            for (var offset = first * BlockBytes; offset < Math.Min(end * BlockBytes, length); offset += BlockBytes)
            {
                var block = (int)Math.Min(BlockBytes, length - offset);
                Buffer.MemoryCopy(source + offset, destination + offset, block, block);
                finite &= IsFinite(new ReadOnlySpan<byte>(destination + offset, block), dtype);
            }

            return finite;
        }
    }

    /// <summary>A number is infinite or NaN when all bits of its exponent are set.</summary>
    private static bool IsFinite(ReadOnlySpan<byte> block, ScalarType dtype) => dtype switch
    {
        ScalarType.Float64 => HasNone<ulong>(MemoryMarshal.Cast<byte, ulong>(block), 0x7FF0_0000_0000_0000),
        ScalarType.Float32 => HasNone<uint>(MemoryMarshal.Cast<byte, uint>(block), 0x7F80_0000),
        ScalarType.Float16 => HasNone<ushort>(MemoryMarshal.Cast<byte, ushort>(block), 0x7C00),
        ScalarType.BFloat16 => HasNone<ushort>(MemoryMarshal.Cast<byte, ushort>(block), 0x7F80),
        _ => true,
    };

    private static bool HasNone<T>(ReadOnlySpan<T> bits, T exponent)
        where T : unmanaged, IBinaryInteger<T>
    {
        var mask = new Vector<T>(exponent);
        var found = Vector<T>.Zero;
        var i = 0;
        for (; i <= bits.Length - Vector<T>.Count; i += Vector<T>.Count)
        {
            found |= Vector.Equals(new Vector<T>(bits[i..]) & mask, mask);
        }

        var none = Vector.EqualsAll(found, Vector<T>.Zero);
        for (; i < bits.Length; i++)
        {
            none &= (bits[i] & exponent) != exponent;
        }

        return none;
    }
}
