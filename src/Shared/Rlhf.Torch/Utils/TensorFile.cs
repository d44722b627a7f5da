using static TorchSharp.torch;

namespace TorchSharp.Utils;

/// <summary>
/// TorchSharp's own tensor format: element type, number of dimensions and sizes as LEB128 numbers, then the elements in row-major order,
/// little-endian.
/// </summary>
internal static class TensorFile
{
    private const int MaxDimensions = 64;

    public static void Write(BinaryWriter writer, Tensor tensor)
    {
        using var scope = NewDisposeScope();
        var local = tensor.detach().cpu().contiguous();
        writer.Write7BitEncodedInt64((long)local.dtype);
        writer.Write7BitEncodedInt64(local.dim());
        foreach (var size in local.shape)
        {
            writer.Write7BitEncodedInt64(size);
        }

        writer.Flush();
        if (local.numel() > 0)
        {
            using var memory = Memory(local, FileAccess.Read);
            memory.CopyTo(writer.BaseStream);
        }
    }

    /// <summary>Fills the tensor, which must have the type and shape of the stored one.</summary>
    /// <exception cref="ArgumentException">Type or shape differ.</exception>
    /// <exception cref="EndOfStreamException">The stream ends before the tensor does.</exception>
    public static void ReadInto(BinaryReader reader, Tensor tensor)
    {
        var (type, shape) = ReadHeader(reader);
        if (type != tensor.dtype)
        {
            throw new ArgumentException($"Mismatched tensor data types while loading: {type} is stored, {tensor.dtype} expected.");
        }

        if (!shape.SequenceEqual(tensor.shape))
        {
            throw new ArgumentException($"Mismatched tensor shape while loading: [{string.Join(", ", shape)}] is stored, [{string.Join(", ", tensor.shape)}] expected.");
        }

        if (tensor.numel() == 0)
        {
            return;
        }

        using var scope = NewDisposeScope();
        using var guard = no_grad();
        var local = tensor.is_cpu() && tensor.is_contiguous() ? tensor.detach() : empty(shape, type);
        using (var memory = Memory(local, FileAccess.Write))
        {
            Copy(reader.BaseStream, memory);
        }

        tensor.copy_(local);
    }

    /// <summary>Goes past a tensor.</summary>
    /// <exception cref="EndOfStreamException">The stream ends before the tensor does.</exception>
    public static void Skip(BinaryReader reader)
    {
        var (type, shape) = ReadHeader(reader);
        var length = shape.Aggregate(type.ElementSize(), (long product, long size) => checked(product * size));
        if (length > reader.BaseStream.Length - reader.BaseStream.Position)
        {
            throw new EndOfStreamException();
        }

        reader.BaseStream.Seek(length, SeekOrigin.Current);
    }

    private static (ScalarType Type, long[] Shape) ReadHeader(BinaryReader reader)
    {
        var type = reader.Read7BitEncodedInt64();
        var dimensions = reader.Read7BitEncodedInt64();
        if (type is < 0 or > (long)ScalarType.BFloat16 || dimensions is < 0 or > MaxDimensions)
        {
            throw new InvalidDataException($"At byte {reader.BaseStream.Position} should be a tensor: element type {type} with {dimensions} dimensions is none.");
        }

        var shape = new long[dimensions];
        for (var i = 0; i < shape.Length; i++)
        {
            shape[i] = reader.Read7BitEncodedInt64();
        }

        return ((ScalarType)type, shape);
    }

    private static unsafe UnmanagedMemoryStream Memory(Tensor tensor, FileAccess access)
    {
        var length = tensor.numel() * tensor.element_size();
        return new UnmanagedMemoryStream((byte*)tensor.DataPointer(), length, length, access);
    }

    private static void Copy(Stream source, UnmanagedMemoryStream target)
    {
        var buffer = new byte[81920];
        for (var left = target.Length; left > 0;)
        {
            var read = (int)Math.Min(buffer.Length, left);
            source.ReadExactly(buffer, 0, read);
            target.Write(buffer, 0, read);
            left -= read;
        }
    }
}
