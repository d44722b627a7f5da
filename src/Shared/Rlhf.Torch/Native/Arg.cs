using System.Text;
using static TorchSharp.torch;

namespace TorchSharp.Native;

/// <summary>
/// One argument of an operator, still managed. It references the object whose memory the native side will read, so that
/// the collector cannot finalize it before <see cref="Aten"/> has come back from the call.
/// </summary>
internal readonly struct Arg
{
    private Arg(Tag tag, int length, long bits, object? owner)
    {
        Tag = tag;
        Length = length;
        Bits = bits;
        Owner = owner;
    }

    public Tag Tag { get; }

    /// <summary>Elements of a list, bytes of a string, type of a device.</summary>
    public int Length { get; }

    /// <summary>The number itself, or the bits of a double.</summary>
    public long Bits { get; }

    /// <summary>The tensor, array, string bytes or generator behind the argument.</summary>
    public object? Owner { get; }

    /// <summary>The number of 8-byte words the argument needs outside its <see cref="Value"/>.</summary>
    public int Words => Tag switch
    {
        Tag.IntList or Tag.DoubleList or Tag.TensorList => Length,
        Tag.String => (Length + 7) / 8,
        _ => 0,
    };

    /// <summary>An absent optional argument.</summary>
    public static Arg None => default;

    public static Arg Tensors(Tensor?[] tensors) => new(Tag.TensorList, tensors.Length, 0, tensors);

    public static Arg Ints(ReadOnlySpan<long> values) => new(Tag.IntList, values.Length, 0, values.ToArray());

    public static implicit operator Arg(Tensor? tensor) => tensor is null ? default : new(Tag.Tensor, 0, 0, tensor);

    public static implicit operator Arg(long value) => new(Tag.Int, 0, value, null);

    public static implicit operator Arg(int value) => new(Tag.Int, 0, value, null);

    public static implicit operator Arg(double value) => new(Tag.Double, 0, BitConverter.DoubleToInt64Bits(value), null);

    public static implicit operator Arg(bool value) => new(Tag.Bool, 0, value ? 1 : 0, null);

    public static implicit operator Arg(long? value) => value is { } number ? number : default(Arg);

    public static implicit operator Arg(double? value) => value is { } number ? number : default(Arg);

    public static implicit operator Arg(Scalar? value) => value is null ? default : new(value.Tag, 0, value.Bits, null);

    public static implicit operator Arg(ScalarType type) => new(Tag.Int, 0, (int)type, null);

    public static implicit operator Arg(ScalarType? type) => type is { } known ? known : default(Arg);

    public static implicit operator Arg(Device? device) => device is null ? default : new(Tag.Device, (int)device.type, device.index, null);

    public static implicit operator Arg(Generator? generator) => generator is null ? default : new(Tag.Generator, 0, 0, generator);

    public static implicit operator Arg(long[]? values) => values is null ? default : new(Tag.IntList, values.Length, 0, values);

    public static implicit operator Arg(double[] values) => new(Tag.DoubleList, values.Length, 0, values);

    public static implicit operator Arg(string? text)
    {
        if (text is null)
        {
            return default;
        }

        var bytes = Encoding.UTF8.GetBytes(text);
        return new(Tag.String, bytes.Length, 0, bytes);
    }

    /// <summary>Fills the native value; lists and strings are copied to <paramref name="words"/>.</summary>
    public unsafe Value ToValue(long* words)
    {
        var value = new Value { Tag = Tag, Length = Length, Int = Bits };
        switch (Tag)
        {
            case Tag.Tensor:
                value.Pointer = ((Tensor)Owner!).Handle;
                break;
            case Tag.Generator:
                value.Pointer = ((Generator)Owner!).Handle;
                break;
            case Tag.IntList:
                ((long[])Owner!).CopyTo(new Span<long>(words, Length));
                value.Pointer = (nint)words;
                break;
            case Tag.DoubleList:
                ((double[])Owner!).CopyTo(new Span<double>(words, Length));
                value.Pointer = (nint)words;
                break;
            case Tag.TensorList:
                var tensors = (Tensor?[])Owner!;
                for (var i = 0; i < tensors.Length; i++)
                {
                    words[i] = tensors[i]?.Handle ?? 0;
                }

                value.Pointer = (nint)words;
                break;
            case Tag.String:
                ((byte[])Owner!).CopyTo(new Span<byte>(words, Length));
                value.Pointer = (nint)words;
                break;
        }

        return value;
    }
}
