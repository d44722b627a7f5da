using System.Buffers.Binary;

namespace Rlhf.Modeling.Gguf;

/// <summary>ggml's Q8_0: blocks of 32 numbers x as a half-precision d = max|x| / 127 and the signed bytes round(x / d).</summary>
internal static class Q8Blocks
{
    public const int Elements = 32;

    public const int Bytes = 34;

    /// <summary>Quantizes whole blocks. The bytes are found with the unrounded scale, halves are rounded away from zero: bit for bit as ggml's quantize_row_q8_0_ref.</summary>
    /// <returns>Whether every scale has a half-precision form.</returns>
    public static bool Quantize(ReadOnlySpan<float> values, Span<byte> blocks)
    {
        var representable = true;
        for (; values.Length >= Elements; values = values[Elements..], blocks = blocks[Bytes..])
        {
            var largest = 0f;
            foreach (var value in values[..Elements])
            {
                largest = MathF.Max(largest, MathF.Abs(value));
            }

            var scale = largest / 127f;
            var inverse = scale == 0 ? 0f : 1f / scale;
            var stored = (Half)scale;
            representable &= Half.IsFinite(stored);
            BinaryPrimitives.WriteHalfLittleEndian(blocks, stored);
            for (var i = 0; i < Elements; i++)
            {
                blocks[2 + i] = (byte)RoundAwayFromZero(values[i] * inverse);
            }
        }

        return representable;
    }

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; blocks.Length >= Bytes; blocks = blocks[Bytes..], values = values[Elements..])
        {
            var scale = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks);
            for (var i = 0; i < Elements; i++)
            {
                values[i] = scale * (sbyte)blocks[2 + i];
            }
        }
    }

    /// <summary>roundf of C; the difference from the whole part is exact, so that 0.49999997 stays 0.</summary>
    private static sbyte RoundAwayFromZero(float value)
    {
        var whole = (int)value;
        var rest = value - whole;
        return (sbyte)(rest >= 0.5f ? whole + 1 : rest <= -0.5f ? whole - 1 : whole);
    }
}
