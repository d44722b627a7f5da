namespace TorchSharp;

/// <summary>The kind of memory a tensor lies in; the numbers are libtorch's.</summary>
public enum DeviceType
{
    /// <summary>Main memory.</summary>
    CPU = 0,

    /// <summary>An NVIDIA GPU, or an AMD GPU through ROCm.</summary>
    CUDA = 1,

    /// <summary>An Apple GPU.</summary>
    MPS = 13,

    /// <summary>No memory: shapes only.</summary>
    META = 14,
}

/// <summary>What padding adds.</summary>
public enum PaddingModes
{
    /// <summary>Zeros.</summary>
    Zeros = 0,

    /// <summary>The elements before the edge, mirrored at it.</summary>
    Reflect = 1,

    /// <summary>The edge's element again and again.</summary>
    Replicate = 2,

    /// <summary>The elements from the other end.</summary>
    Circular = 3,

    /// <summary>A constant.</summary>
    Constant = 4,
}

/// <summary>PyTorch's top-level functions and types.</summary>
public static partial class torch
{
    /// <summary>The type of a tensor's elements; the numbers are libtorch's.</summary>
    public enum ScalarType : sbyte
    {
        /// <summary>uint8.</summary>
        Byte = 0,

        /// <summary>int8.</summary>
        Int8 = 1,

        /// <summary>int16.</summary>
        Int16 = 2,

        /// <summary>int32.</summary>
        Int32 = 3,

        /// <summary>int64, the type of indices and token ids.</summary>
        Int64 = 4,

        /// <summary>IEEE half precision.</summary>
        Float16 = 5,

        /// <summary>Single precision, the default.</summary>
        Float32 = 6,

        /// <summary>Double precision.</summary>
        Float64 = 7,

        /// <summary>Two single-precision numbers.</summary>
        ComplexFloat32 = 9,

        /// <summary>Two double-precision numbers.</summary>
        ComplexFloat64 = 10,

        /// <summary>Truth values, one byte each.</summary>
        Bool = 11,

        /// <summary>Half precision with the exponent range of single precision.</summary>
        BFloat16 = 15,
    }

    /// <summary>How a division is rounded.</summary>
    public enum RoundingMode
    {
        /// <summary>Not at all: true division.</summary>
        None,

        /// <summary>Towards zero, as C# divides integers.</summary>
        trunc,

        /// <summary>Downwards, as Python's <c>//</c> does.</summary>
        floor,
    }

    // Fields, not properties, as in TorchSharp.

    /// <summary>Truth values.</summary>
    public static readonly ScalarType @bool = ScalarType.Bool;

    /// <summary>Unsigned bytes.</summary>
    public static readonly ScalarType uint8 = ScalarType.Byte;

    /// <summary>Signed bytes.</summary>
    public static readonly ScalarType int8 = ScalarType.Int8;

    /// <summary>16-bit integers.</summary>
    public static readonly ScalarType int16 = ScalarType.Int16;

    /// <summary>32-bit integers.</summary>
    public static readonly ScalarType int32 = ScalarType.Int32;

    /// <summary>64-bit integers.</summary>
    public static readonly ScalarType int64 = ScalarType.Int64;

    /// <summary>bfloat16: 8 bits of exponent, 7 of fraction.</summary>
    public static readonly ScalarType bfloat16 = ScalarType.BFloat16;

    /// <summary>IEEE half precision.</summary>
    public static readonly ScalarType float16 = ScalarType.Float16;

    /// <summary>Single precision.</summary>
    public static readonly ScalarType float32 = ScalarType.Float32;

    /// <summary>Double precision.</summary>
    public static readonly ScalarType float64 = ScalarType.Float64;

    /// <summary>32-bit integers.</summary>
    public static readonly ScalarType @int = ScalarType.Int32;

    /// <summary>64-bit integers.</summary>
    public static readonly ScalarType @long = ScalarType.Int64;

    /// <summary>IEEE half precision.</summary>
    public static readonly ScalarType half = ScalarType.Float16;

    /// <summary>Single precision.</summary>
    public static readonly ScalarType @float = ScalarType.Float32;

    /// <summary>Double precision.</summary>
    public static readonly ScalarType @double = ScalarType.Float64;

    /// <summary>The type tensors of floating-point numbers have unless another one is given: single precision.</summary>
    public static ScalarType get_default_dtype() => ScalarType.Float32;

    /// <summary>Whether the type holds integers or truth values.</summary>
    public static bool is_integral(ScalarType type) => type <= ScalarType.Int64 || type == ScalarType.Bool;

    /// <summary>Whether the type holds real floating-point numbers.</summary>
    public static bool is_floating_point(ScalarType type) =>
        type is ScalarType.Float16 or ScalarType.Float32 or ScalarType.Float64 or ScalarType.BFloat16;

    /// <summary>Whether the type holds complex numbers.</summary>
    public static bool is_complex(ScalarType type) => type is ScalarType.ComplexFloat32 or ScalarType.ComplexFloat64;
}
