using TorchSharp.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>The tensors one after another along dim.</summary>
    public static Tensor cat(IList<Tensor> tensors, long dim = 0) => Aten.Call("cat", Arg.Tensors([.. tensors]), dim);

    /// <summary>The tensors one after another along dim.</summary>
    public static Tensor concat(IList<Tensor> tensors, long dim = 0) => cat(tensors, dim);

    /// <summary>The tensors side by side along a new dimension.</summary>
    public static Tensor stack(IEnumerable<Tensor> tensors, long dim = 0) => Aten.Call("stack", Arg.Tensors([.. tensors]), dim);

    /// <summary>The tensors broadcast against each other.</summary>
    public static IList<Tensor> broadcast_tensors(params Tensor[] tensors) => Aten.CallList("broadcast_tensors", Arg.Tensors(tensors));

    /// <summary>Coordinate matrices of the vectors; indexing is "ij" or "xy".</summary>
    public static Tensor[] meshgrid(IEnumerable<Tensor> tensors, string indexing = "ij") => Aten.CallList("meshgrid.indexing", Arg.Tensors([.. tensors]), indexing);

    /// <summary>See <see cref="Tensor.reshape(long[])"/>.</summary>
    public static Tensor reshape(Tensor input, params long[] shape) => input.reshape(shape);

    /// <summary>See <see cref="Tensor.transpose(long, long)"/>.</summary>
    public static Tensor transpose(Tensor input, long dim0, long dim1) => input.transpose(dim0, dim1);

    /// <summary>See <see cref="Tensor.permute(long[])"/>.</summary>
    public static Tensor permute(Tensor input, params long[] permutation) => input.permute(permutation);

    /// <summary>See <see cref="Tensor.unsqueeze(long)"/>.</summary>
    public static Tensor unsqueeze(Tensor input, long dim) => input.unsqueeze(dim);

    /// <summary>See <see cref="Tensor.squeeze(long?)"/>.</summary>
    public static Tensor squeeze(Tensor input, long? dim = null) => input.squeeze(dim);

    /// <summary>See <see cref="Tensor.flatten(long, long)"/>.</summary>
    public static Tensor flatten(Tensor input, long start_dim = 0, long end_dim = -1) => input.flatten(start_dim, end_dim);

    /// <summary>See <see cref="Tensor.flip(long[])"/>.</summary>
    public static Tensor flip(Tensor input, params long[] dims) => input.flip(dims);

    /// <summary>See <see cref="Tensor.roll(long, long?)"/>.</summary>
    public static Tensor roll(Tensor input, long shifts, long? dims = null) => input.roll(shifts, dims);

    /// <summary>See <see cref="Tensor.narrow(long, long, long)"/>.</summary>
    public static Tensor narrow(Tensor input, long dim, long start, long length) => input.narrow(dim, start, length);

    /// <summary>See <see cref="Tensor.select(long, long)"/>.</summary>
    public static Tensor select(Tensor input, long dim, long index) => input.select(dim, index);

    /// <summary>See <see cref="Tensor.tril(long)"/>.</summary>
    public static Tensor tril(Tensor input, long diagonal = 0) => input.tril(diagonal);

    /// <summary>See <see cref="Tensor.triu(long)"/>.</summary>
    public static Tensor triu(Tensor input, long diagonal = 0) => input.triu(diagonal);

    /// <summary>See <see cref="Tensor.diag(long)"/>.</summary>
    public static Tensor diag(Tensor input, long diagonal = 0) => input.diag(diagonal);

    /// <summary>See <see cref="Tensor.repeat_interleave(long, long?, long?)"/>.</summary>
    public static Tensor repeat_interleave(Tensor input, long repeats, long? dim = null, long? output_size = null) => input.repeat_interleave(repeats, dim, output_size);

    /// <summary>See <see cref="Tensor.repeat_interleave(Tensor, long?, long?)"/>.</summary>
    public static Tensor repeat_interleave(Tensor input, Tensor repeats, long? dim = null, long? output_size = null) => input.repeat_interleave(repeats, dim, output_size);

    /// <summary>See <see cref="Tensor.split(long[], long)"/>.</summary>
    public static Tensor[] split(Tensor tensor, long[] split_size_or_sections, long dim = 0) => tensor.split(split_size_or_sections, dim);

    /// <summary>See <see cref="Tensor.chunk(long, long)"/>.</summary>
    public static Tensor[] chunk(Tensor input, long chunks, long dim = 0L) => input.chunk(chunks, dim);

    /// <summary>See <see cref="Tensor.unbind(long)"/>.</summary>
    public static Tensor[] unbind(Tensor input, long dim = 0L) => input.unbind(dim);
}
