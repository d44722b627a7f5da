using System.Collections;
using static TorchSharp.torch;

namespace TorchSharp.Utils;

/// <summary>Reads and writes the elements of a tensor on the CPU, in row-major order, whatever its strides.</summary>
public sealed class TensorAccessor<T> : IDisposable, IEnumerable<T>
    where T : unmanaged
{
    private readonly Tensor tensor;
    private readonly long[] shape;
    private readonly long[] strides;
    private readonly nint pointer;
    private readonly bool contiguous;

    internal TensorAccessor(Tensor tensor)
    {
        this.tensor = tensor;
        pointer = tensor.DataPointer();
        shape = tensor.shape;
        strides = tensor.stride();
        contiguous = tensor.is_contiguous();
        Count = tensor.numel();
    }

    /// <summary>The number of elements.</summary>
    public long Count { get; }

    /// <summary>The element at the indices, one per dimension.</summary>
    public unsafe T this[params long[] indices]
    {
        get
        {
            var value = ((T*)pointer)[Offset(indices)];
            GC.KeepAlive(tensor);
            return value;
        }

        set
        {
            ((T*)pointer)[Offset(indices)] = value;
            GC.KeepAlive(tensor);
        }
    }

    /// <summary>A copy of the elements.</summary>
    public T[] ToArray()
    {
        var array = new T[Count];
        CopyTo(array.AsSpan());
        return array;
    }

    /// <summary>Copies the elements from <paramref name="tensorIndex"/> on to an array.</summary>
    public void CopyTo(T[] array, int arrayIndex = 0, long tensorIndex = 0) => CopyTo(array.AsSpan(), arrayIndex, tensorIndex);

    /// <summary>Copies the elements from <paramref name="tensorIndex"/> on to a span.</summary>
    public unsafe void CopyTo(Span<T> array, int arrayIndex = 0, long tensorIndex = 0)
    {
        var wanted = checked((int)(Count - tensorIndex));
        if (array.Length - arrayIndex < wanted)
        {
            throw new ArgumentException($"There are {wanted} elements and room for {array.Length - arrayIndex}.");
        }

        var target = array.Slice(arrayIndex, wanted);
        if (contiguous)
        {
            new Span<T>((T*)pointer + tensorIndex, wanted).CopyTo(target);
        }
        else
        {
            for (var i = 0; i < wanted; i++)
            {
                target[i] = ((T*)pointer)[LinearOffset(tensorIndex + i)];
            }
        }

        GC.KeepAlive(tensor);
    }

    /// <summary>Copies an array to the elements from <paramref name="tensorIndex"/> on.</summary>
    public void CopyFrom(T[] array, int arrayIndex = 0, long tensorIndex = 0) => CopyFrom((ReadOnlySpan<T>)array, arrayIndex, tensorIndex);

    /// <summary>Copies a span to the elements from <paramref name="tensorIndex"/> on.</summary>
    public unsafe void CopyFrom(ReadOnlySpan<T> array, int arrayIndex = 0, long tensorIndex = 0)
    {
        var given = array.Length - arrayIndex;
        var room = checked((int)(Count - tensorIndex));
        var source = array.Slice(arrayIndex, Math.Min(given, room));
        if (contiguous)
        {
            source.CopyTo(new Span<T>((T*)pointer + tensorIndex, room));
        }
        else
        {
            for (var i = 0; i < source.Length; i++)
            {
                ((T*)pointer)[LinearOffset(tensorIndex + i)] = source[i];
            }
        }

        GC.KeepAlive(tensor);
    }

    /// <inheritdoc/>
    public IEnumerator<T> GetEnumerator()
    {
        for (long i = 0; i < Count; i++)
        {
            yield return Read(i);
        }
    }

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Does nothing: the tensor stays its owner's.</summary>
    public void Dispose()
    {
    }

    private unsafe T Read(long index)
    {
        var value = ((T*)pointer)[contiguous ? index : LinearOffset(index)];
        GC.KeepAlive(tensor);
        return value;
    }

    private long Offset(long[] indices)
    {
        if (indices.Length != shape.Length)
        {
            throw new ArgumentException($"The tensor has {shape.Length} dimensions, {indices.Length} indices were given.");
        }

        long offset = 0;
        for (var d = 0; d < shape.Length; d++)
        {
            if (indices[d] < 0 || indices[d] >= shape[d])
            {
                throw new ArgumentOutOfRangeException(nameof(indices), indices[d], $"Dimension {d} has size {shape[d]}.");
            }

            offset += indices[d] * strides[d];
        }

        return offset;
    }

    private long LinearOffset(long index)
    {
        long offset = 0;
        for (var d = shape.Length - 1; d >= 0; d--)
        {
            offset += index % shape[d] * strides[d];
            index /= shape[d];
        }

        return offset;
    }
}
