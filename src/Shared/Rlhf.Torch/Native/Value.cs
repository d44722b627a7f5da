using System.Runtime.InteropServices;

namespace TorchSharp.Native;

/// <summary>What an <see cref="Value"/> holds; the numbers are those of <c>rt_tag</c> in rlhftorch.h.</summary>
internal enum Tag
{
    None = 0,
    Tensor = 1,
    Int = 2,
    Double = 3,
    Bool = 4,
    IntList = 5,
    DoubleList = 6,
    TensorList = 7,
    String = 8,
    Device = 9,
    Generator = 10,
}

/// <summary>One argument or result as it crosses the C ABI (<c>rt_value</c>).</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct Value
{
    [FieldOffset(0)] public Tag Tag;
    [FieldOffset(4)] public int Length;
    [FieldOffset(8)] public long Int;
    [FieldOffset(8)] public double Double;
    [FieldOffset(8)] public nint Pointer;
}
