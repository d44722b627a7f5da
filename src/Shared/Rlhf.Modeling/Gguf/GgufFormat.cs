namespace Rlhf.Modeling.Gguf;

/// <summary>The constants of GGUF version 3 (docs/gguf.md of ggml). Numbers are little-endian; strings are a uint64 length and UTF-8 bytes.</summary>
internal static class GgufFormat
{
    /// <summary>"GGUF", read as a little-endian number.</summary>
    public const uint Magic = 0x46554747;

    public const uint Version = 3;

    public const string AlignmentKey = "general.alignment";

    public const int DefaultAlignment = 32;

    /// <summary>GGML_MAX_DIMS.</summary>
    public const int MaxDimensions = 4;

    /// <summary>GGML_MAX_NAME less the final zero.</summary>
    public const int MaxNameBytes = 63;

    public static long Pad(long position, long alignment) => checked(position + ((alignment - (position % alignment)) % alignment));
}

/// <summary>The types of metadata values (<c>gguf_metadata_value_type</c>).</summary>
internal enum GgufValueType : uint
{
    UInt8 = 0,
    Int8 = 1,
    UInt16 = 2,
    Int16 = 3,
    UInt32 = 4,
    Int32 = 5,
    Float32 = 6,
    Bool = 7,
    String = 8,
    Array = 9,
    UInt64 = 10,
    Int64 = 11,
    Float64 = 12,
}
