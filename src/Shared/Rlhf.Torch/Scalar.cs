using TorchSharp.Native;
using static TorchSharp.torch;

namespace TorchSharp;

/// <summary>A number as an operator's argument: 64-bit integer, double or truth value.</summary>
public sealed class Scalar : IDisposable
{
    internal Scalar(Tag tag, long bits)
    {
        Tag = tag;
        Bits = bits;
    }

    internal Tag Tag { get; }

    internal long Bits { get; }

    /// <summary>The element type a tensor made from this number has.</summary>
    public ScalarType Type => Tag switch
    {
        Tag.Int => ScalarType.Int64,
        Tag.Bool => ScalarType.Bool,
        _ => ScalarType.Float64,
    };

    internal double AsDouble => Tag == Tag.Double ? BitConverter.Int64BitsToDouble(Bits) : Bits;

    internal long AsInt64 => Tag == Tag.Double ? (long)BitConverter.Int64BitsToDouble(Bits) : Bits;

    /// <summary>An integer.</summary>
    public static implicit operator Scalar(byte value) => new(Tag.Int, value);

    /// <summary>An integer.</summary>
    public static implicit operator Scalar(sbyte value) => new(Tag.Int, value);

    /// <summary>An integer.</summary>
    public static implicit operator Scalar(short value) => new(Tag.Int, value);

    /// <summary>An integer.</summary>
    public static implicit operator Scalar(int value) => new(Tag.Int, value);

    /// <summary>An integer.</summary>
    public static implicit operator Scalar(long value) => new(Tag.Int, value);

    /// <summary>A floating-point number.</summary>
    public static implicit operator Scalar(Half value) => (double)value;

    /// <summary>A floating-point number.</summary>
    public static implicit operator Scalar(float value) => (double)value;

    /// <summary>A floating-point number.</summary>
    public static implicit operator Scalar(double value) => new(Tag.Double, BitConverter.DoubleToInt64Bits(value));

    /// <summary>A truth value.</summary>
    public static implicit operator Scalar(bool value) => new(Tag.Bool, value ? 1 : 0);

    /// <summary>Does nothing: the number is held by value. Present because TorchSharp's scalars hold native memory.</summary>
    public void Dispose()
    {
    }
}
