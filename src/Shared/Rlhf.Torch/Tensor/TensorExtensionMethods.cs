using static TorchSharp.torch;

namespace TorchSharp;

/// <summary>The only element of a tensor as a number of .NET, converted from whatever type the tensor has.</summary>
public static class TensorExtensionMethods
{
    /// <summary>The element in single precision.</summary>
    public static float ToSingle(this Tensor value) => (float)value.ToScalar().AsDouble;

    /// <summary>The element in double precision.</summary>
    public static double ToDouble(this Tensor value) => value.ToScalar().AsDouble;

    /// <summary>The element as an integer; a fraction is cut off.</summary>
    public static int ToInt32(this Tensor value) => checked((int)value.ToScalar().AsInt64);

    /// <summary>The element as an integer; a fraction is cut off.</summary>
    public static long ToInt64(this Tensor value) => value.ToScalar().AsInt64;

    /// <summary>The element as a byte.</summary>
    public static byte ToByte(this Tensor value) => checked((byte)value.ToScalar().AsInt64);

    /// <summary>Whether the element is not zero.</summary>
    public static bool ToBoolean(this Tensor value) => value.ToScalar().ToBoolean();

    /// <summary>The bytes of one element.</summary>
    public static int ElementSize(this ScalarType type) => type switch
    {
        ScalarType.Byte or ScalarType.Int8 or ScalarType.Bool => 1,
        ScalarType.Int16 or ScalarType.Float16 or ScalarType.BFloat16 => 2,
        ScalarType.Int32 or ScalarType.Float32 => 4,
        ScalarType.Int64 or ScalarType.Float64 or ScalarType.ComplexFloat32 => 8,
        ScalarType.ComplexFloat64 => 16,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "not an element type"),
    };
}
