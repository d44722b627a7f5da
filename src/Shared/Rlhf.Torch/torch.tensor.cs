using System.Runtime.InteropServices;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>A tensor without dimensions that holds the value.</summary>
    public static Tensor tensor(bool scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Copy<bool>([scalar], [], ScalarType.Bool, dtype, device, requires_grad);

    /// <summary>A tensor with one dimension: a copy of the array.</summary>
    public static Tensor tensor(bool[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<bool>(rawArray, [rawArray.LongLength], ScalarType.Bool, dtype, device, requires_grad, names);

    /// <summary>A tensor of the dimensions: a copy of the array.</summary>
    public static Tensor tensor(bool[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<bool>(rawArray, dimensions, ScalarType.Bool, dtype, device, requires_grad, names);

    /// <summary>A tensor with one dimension: a copy of the list.</summary>
    public static Tensor tensor(IList<bool> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<bool>([.. rawArray], [rawArray.Count], ScalarType.Bool, dtype, device, requires_grad, names);

    /// <summary>A tensor of the dimensions: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<bool> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<bool>([.. rawArray], dimensions, ScalarType.Bool, dtype, device, requires_grad, names);

    /// <summary>A matrix: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<bool> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<bool>([.. rawArray], [rows, columns], ScalarType.Bool, dtype, device, requires_grad, names);

    /// <summary>A tensor of three dimensions: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<bool> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<bool>([.. rawArray], [dim0, dim1, dim2], ScalarType.Bool, dtype, device, requires_grad, names);

    /// <summary>A tensor of the shape of the array: a copy of it.</summary>
    public static Tensor tensor(bool[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<bool>(Flat<bool>(rawArray), Shape(rawArray), ScalarType.Bool, dtype, device, requires_grad, names);

    /// <summary>A tensor of the shape of the array: a copy of it.</summary>
    public static Tensor tensor(bool[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<bool>(Flat<bool>(rawArray), Shape(rawArray), ScalarType.Bool, dtype, device, requires_grad, names);

    /// <summary>A tensor without dimensions that holds the value.</summary>
    public static Tensor tensor(byte scalar, Device? device = null, bool requires_grad = false) => Copy<byte>([scalar], [], ScalarType.Byte, null, device, requires_grad);

    /// <summary>A tensor with one dimension: a copy of the array.</summary>
    public static Tensor tensor(byte[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<byte>(rawArray, [rawArray.LongLength], ScalarType.Byte, dtype, device, requires_grad, names);

    /// <summary>A tensor of the dimensions: a copy of the array.</summary>
    public static Tensor tensor(byte[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<byte>(rawArray, dimensions, ScalarType.Byte, dtype, device, requires_grad, names);

    /// <summary>A tensor with one dimension: a copy of the list.</summary>
    public static Tensor tensor(IList<byte> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<byte>([.. rawArray], [rawArray.Count], ScalarType.Byte, dtype, device, requires_grad, names);

    /// <summary>A tensor of the dimensions: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<byte> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<byte>([.. rawArray], dimensions, ScalarType.Byte, dtype, device, requires_grad, names);

    /// <summary>A matrix: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<byte> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<byte>([.. rawArray], [rows, columns], ScalarType.Byte, dtype, device, requires_grad, names);

    /// <summary>A tensor of three dimensions: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<byte> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<byte>([.. rawArray], [dim0, dim1, dim2], ScalarType.Byte, dtype, device, requires_grad, names);

    /// <summary>A tensor of the shape of the array: a copy of it.</summary>
    public static Tensor tensor(byte[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<byte>(Flat<byte>(rawArray), Shape(rawArray), ScalarType.Byte, dtype, device, requires_grad, names);

    /// <summary>A tensor of the shape of the array: a copy of it.</summary>
    public static Tensor tensor(byte[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<byte>(Flat<byte>(rawArray), Shape(rawArray), ScalarType.Byte, dtype, device, requires_grad, names);

    /// <summary>A tensor without dimensions that holds the value.</summary>
    public static Tensor tensor(sbyte scalar, Device? device = null, bool requires_grad = false) => Copy<sbyte>([scalar], [], ScalarType.Int8, null, device, requires_grad);

    /// <summary>A tensor with one dimension: a copy of the array.</summary>
    public static Tensor tensor(sbyte[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<sbyte>(rawArray, [rawArray.LongLength], ScalarType.Int8, dtype, device, requires_grad, names);

    /// <summary>A tensor of the dimensions: a copy of the array.</summary>
    public static Tensor tensor(sbyte[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<sbyte>(rawArray, dimensions, ScalarType.Int8, dtype, device, requires_grad, names);

    /// <summary>A tensor with one dimension: a copy of the list.</summary>
    public static Tensor tensor(IList<sbyte> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<sbyte>([.. rawArray], [rawArray.Count], ScalarType.Int8, dtype, device, requires_grad, names);

    /// <summary>A tensor of the dimensions: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<sbyte> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<sbyte>([.. rawArray], dimensions, ScalarType.Int8, dtype, device, requires_grad, names);

    /// <summary>A matrix: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<sbyte> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<sbyte>([.. rawArray], [rows, columns], ScalarType.Int8, dtype, device, requires_grad, names);

    /// <summary>A tensor of three dimensions: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<sbyte> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<sbyte>([.. rawArray], [dim0, dim1, dim2], ScalarType.Int8, dtype, device, requires_grad, names);

    /// <summary>A tensor of the shape of the array: a copy of it.</summary>
    public static Tensor tensor(sbyte[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<sbyte>(Flat<sbyte>(rawArray), Shape(rawArray), ScalarType.Int8, dtype, device, requires_grad, names);

    /// <summary>A tensor of the shape of the array: a copy of it.</summary>
    public static Tensor tensor(sbyte[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<sbyte>(Flat<sbyte>(rawArray), Shape(rawArray), ScalarType.Int8, dtype, device, requires_grad, names);

    /// <summary>A tensor without dimensions that holds the value.</summary>
    public static Tensor tensor(short scalar, Device? device = null, bool requires_grad = false) => Copy<short>([scalar], [], ScalarType.Int16, null, device, requires_grad);

    /// <summary>A tensor with one dimension: a copy of the array.</summary>
    public static Tensor tensor(short[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<short>(rawArray, [rawArray.LongLength], ScalarType.Int16, dtype, device, requires_grad, names);

    /// <summary>A tensor of the dimensions: a copy of the array.</summary>
    public static Tensor tensor(short[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<short>(rawArray, dimensions, ScalarType.Int16, dtype, device, requires_grad, names);

    /// <summary>A tensor with one dimension: a copy of the list.</summary>
    public static Tensor tensor(IList<short> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<short>([.. rawArray], [rawArray.Count], ScalarType.Int16, dtype, device, requires_grad, names);

    /// <summary>A tensor of the dimensions: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<short> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<short>([.. rawArray], dimensions, ScalarType.Int16, dtype, device, requires_grad, names);

    /// <summary>A matrix: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<short> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<short>([.. rawArray], [rows, columns], ScalarType.Int16, dtype, device, requires_grad, names);

    /// <summary>A tensor of three dimensions: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<short> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<short>([.. rawArray], [dim0, dim1, dim2], ScalarType.Int16, dtype, device, requires_grad, names);

    /// <summary>A tensor of the shape of the array: a copy of it.</summary>
    public static Tensor tensor(short[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<short>(Flat<short>(rawArray), Shape(rawArray), ScalarType.Int16, dtype, device, requires_grad, names);

    /// <summary>A tensor of the shape of the array: a copy of it.</summary>
    public static Tensor tensor(short[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<short>(Flat<short>(rawArray), Shape(rawArray), ScalarType.Int16, dtype, device, requires_grad, names);

    /// <summary>A tensor without dimensions that holds the value.</summary>
    public static Tensor tensor(int scalar, Device? device = null, bool requires_grad = false) => Copy<int>([scalar], [], ScalarType.Int32, null, device, requires_grad);

    /// <summary>A tensor with one dimension: a copy of the array.</summary>
    public static Tensor tensor(int[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<int>(rawArray, [rawArray.LongLength], ScalarType.Int32, dtype, device, requires_grad, names);

    /// <summary>A tensor of the dimensions: a copy of the array.</summary>
    public static Tensor tensor(int[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<int>(rawArray, dimensions, ScalarType.Int32, dtype, device, requires_grad, names);

    /// <summary>A tensor with one dimension: a copy of the list.</summary>
    public static Tensor tensor(IList<int> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<int>([.. rawArray], [rawArray.Count], ScalarType.Int32, dtype, device, requires_grad, names);

    /// <summary>A tensor of the dimensions: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<int> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<int>([.. rawArray], dimensions, ScalarType.Int32, dtype, device, requires_grad, names);

    /// <summary>A matrix: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<int> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<int>([.. rawArray], [rows, columns], ScalarType.Int32, dtype, device, requires_grad, names);

    /// <summary>A tensor of three dimensions: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<int> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<int>([.. rawArray], [dim0, dim1, dim2], ScalarType.Int32, dtype, device, requires_grad, names);

    /// <summary>A tensor of the shape of the array: a copy of it.</summary>
    public static Tensor tensor(int[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<int>(Flat<int>(rawArray), Shape(rawArray), ScalarType.Int32, dtype, device, requires_grad, names);

    /// <summary>A tensor of the shape of the array: a copy of it.</summary>
    public static Tensor tensor(int[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<int>(Flat<int>(rawArray), Shape(rawArray), ScalarType.Int32, dtype, device, requires_grad, names);

    /// <summary>A tensor without dimensions that holds the value.</summary>
    public static Tensor tensor(long scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Copy<long>([scalar], [], ScalarType.Int64, dtype, device, requires_grad);

    /// <summary>A tensor with one dimension: a copy of the array.</summary>
    public static Tensor tensor(long[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<long>(rawArray, [rawArray.LongLength], ScalarType.Int64, dtype, device, requires_grad, names);

    /// <summary>A tensor with one dimension: a copy of the list.</summary>
    public static Tensor tensor(IList<long> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<long>([.. rawArray], [rawArray.Count], ScalarType.Int64, dtype, device, requires_grad, names);

    /// <summary>A tensor of the dimensions: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<long> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<long>([.. rawArray], dimensions, ScalarType.Int64, dtype, device, requires_grad, names);

    /// <summary>A matrix: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<long> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<long>([.. rawArray], [rows, columns], ScalarType.Int64, dtype, device, requires_grad, names);

    /// <summary>A tensor of three dimensions: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<long> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<long>([.. rawArray], [dim0, dim1, dim2], ScalarType.Int64, dtype, device, requires_grad, names);

    /// <summary>A tensor of the shape of the array: a copy of it.</summary>
    public static Tensor tensor(long[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<long>(Flat<long>(rawArray), Shape(rawArray), ScalarType.Int64, dtype, device, requires_grad, names);

    /// <summary>A tensor of the shape of the array: a copy of it.</summary>
    public static Tensor tensor(long[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<long>(Flat<long>(rawArray), Shape(rawArray), ScalarType.Int64, dtype, device, requires_grad, names);

    /// <summary>A tensor without dimensions that holds the value.</summary>
    public static Tensor tensor(float scalar, Device? device = null, bool requires_grad = false) => Copy<float>([scalar], [], ScalarType.Float32, null, device, requires_grad);

    /// <summary>A tensor with one dimension: a copy of the array.</summary>
    public static Tensor tensor(float[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<float>(rawArray, [rawArray.LongLength], ScalarType.Float32, dtype, device, requires_grad, names);

    /// <summary>A tensor of the dimensions: a copy of the array.</summary>
    public static Tensor tensor(float[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<float>(rawArray, dimensions, ScalarType.Float32, dtype, device, requires_grad, names);

    /// <summary>A tensor with one dimension: a copy of the list.</summary>
    public static Tensor tensor(IList<float> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<float>([.. rawArray], [rawArray.Count], ScalarType.Float32, dtype, device, requires_grad, names);

    /// <summary>A tensor of the dimensions: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<float> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<float>([.. rawArray], dimensions, ScalarType.Float32, dtype, device, requires_grad, names);

    /// <summary>A matrix: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<float> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<float>([.. rawArray], [rows, columns], ScalarType.Float32, dtype, device, requires_grad, names);

    /// <summary>A tensor of three dimensions: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<float> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<float>([.. rawArray], [dim0, dim1, dim2], ScalarType.Float32, dtype, device, requires_grad, names);

    /// <summary>A tensor of the shape of the array: a copy of it.</summary>
    public static Tensor tensor(float[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<float>(Flat<float>(rawArray), Shape(rawArray), ScalarType.Float32, dtype, device, requires_grad, names);

    /// <summary>A tensor of the shape of the array: a copy of it.</summary>
    public static Tensor tensor(float[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<float>(Flat<float>(rawArray), Shape(rawArray), ScalarType.Float32, dtype, device, requires_grad, names);

    /// <summary>A tensor without dimensions that holds the value.</summary>
    public static Tensor tensor(double scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Copy<double>([scalar], [], ScalarType.Float64, dtype, device, requires_grad);

    /// <summary>A tensor with one dimension: a copy of the array.</summary>
    public static Tensor tensor(double[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<double>(rawArray, [rawArray.LongLength], ScalarType.Float64, dtype, device, requires_grad, names);

    /// <summary>A tensor of the dimensions: a copy of the array.</summary>
    public static Tensor tensor(double[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<double>(rawArray, dimensions, ScalarType.Float64, dtype, device, requires_grad, names);

    /// <summary>A tensor with one dimension: a copy of the list.</summary>
    public static Tensor tensor(IList<double> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<double>([.. rawArray], [rawArray.Count], ScalarType.Float64, dtype, device, requires_grad, names);

    /// <summary>A matrix: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<double> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<double>([.. rawArray], [rows, columns], ScalarType.Float64, dtype, device, requires_grad, names);

    /// <summary>A tensor of three dimensions: a copy of the list, row by row.</summary>
    public static Tensor tensor(IList<double> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<double>([.. rawArray], [dim0, dim1, dim2], ScalarType.Float64, dtype, device, requires_grad, names);

    /// <summary>A tensor of the shape of the array: a copy of it.</summary>
    public static Tensor tensor(double[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<double>(Flat<double>(rawArray), Shape(rawArray), ScalarType.Float64, dtype, device, requires_grad, names);

    /// <summary>A tensor of the shape of the array: a copy of it.</summary>
    public static Tensor tensor(double[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copy<double>(Flat<double>(rawArray), Shape(rawArray), ScalarType.Float64, dtype, device, requires_grad, names);

    /// <summary>The elements of an array as a tensor of another type, from offset on.</summary>
    public static Tensor frombuffer(Array rawArray, ScalarType dtype, long count = -1, long offset = 0, bool requires_grad = false) => FromBuffer(rawArray, dtype, count, offset, requires_grad);

    private static Tensor Copy<T>(
        ReadOnlySpan<T> values, ReadOnlySpan<long> shape, ScalarType own, ScalarType? dtype, Device? device, bool requires_grad, string[]? names = null)
        where T : unmanaged
    {
        long elements = 1;
        foreach (var size in shape)
        {
            elements *= size;
        }

        if (elements != values.Length)
        {
            throw new ArgumentException($"The shape [{string.Join(", ", shape.ToArray())}] has {elements} elements, {values.Length} were given.");
        }

        var made = empty(shape, own);
        MemoryMarshal.AsBytes(values).CopyTo(made.bytes);
        var wanted = dtype ?? own;
        var place = device ?? CPU;
        if (wanted != own || place.type != DeviceType.CPU)
        {
            made = made.to(wanted, place, disposeAfter: true);
        }

        return Finish(made, requires_grad, names);
    }

    private static ReadOnlySpan<T> Flat<T>(Array array)
        where T : unmanaged =>
        array.Length == 0 ? [] : MemoryMarshal.CreateReadOnlySpan(ref System.Runtime.CompilerServices.Unsafe.As<byte, T>(ref MemoryMarshal.GetArrayDataReference(array)), array.Length);

    private static long[] Shape(Array array)
    {
        var shape = new long[array.Rank];
        for (var d = 0; d < shape.Length; d++)
        {
            shape[d] = array.GetLongLength(d);
        }

        return shape;
    }

    private static Tensor FromBuffer(Array source, ScalarType dtype, long count, long offset, bool requires_grad)
    {
        var size = System.Buffer.ByteLength(source);
        var width = dtype.ElementSize();
        var first = offset * width;
        var length = count < 0 ? (size - first) / width : count;
        if (first < 0 || first > size || first + (length * width) > size)
        {
            throw new ArgumentOutOfRangeException(nameof(count), count, $"The array has {size} bytes.");
        }

        var made = empty(length, dtype);
        MemoryMarshal.CreateReadOnlySpan(ref MemoryMarshal.GetArrayDataReference(source), size).Slice((int)first, (int)(length * width)).CopyTo(made.bytes);
        return Finish(made, requires_grad);
    }
}
