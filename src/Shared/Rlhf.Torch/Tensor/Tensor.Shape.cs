using TorchSharp.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>The same elements in another shape, sharing memory; one size may be -1.</summary>
        public Tensor view(params long[] shape) => Aten.Call("view", this, shape);

        /// <summary>The same elements in the shape of another tensor.</summary>
        public Tensor view_as(Tensor other) => view(other.shape);

        /// <summary>The same elements in another shape, copied if they must be; one size may be -1.</summary>
        public Tensor reshape(params long[] shape) => Aten.Call("reshape", this, shape);

        /// <summary>The dimensions from start_dim to end_dim as one.</summary>
        public Tensor flatten(long start_dim = 0, long end_dim = -1) => Aten.Call("flatten.using_ints", this, start_dim, end_dim);

        /// <summary>One dimension as several.</summary>
        public Tensor unflatten(long dim, params long[] sizes) => reshape(UnflattenedShape(dim, sizes));

        /// <summary>With two dimensions exchanged.</summary>
        public Tensor transpose(long dim0, long dim1) => Aten.Call("transpose.int", this, dim0, dim1);

        /// <summary>A matrix with rows and columns exchanged.</summary>
        public Tensor t() => Aten.Call("t", this);

        /// <summary>With all dimensions in reverse order.</summary>
        public Tensor T => Aten.Call("numpy_T", this);

        /// <summary>With the last two dimensions exchanged.</summary>
        public Tensor mT => transpose(-2, -1);

        /// <summary>With the dimensions in another order.</summary>
        public Tensor permute(params long[] permutation) => Aten.Call("permute", this, permutation);

        /// <summary>With a dimension of size 1 inserted before dim.</summary>
        public Tensor unsqueeze(long dim) => Aten.Call("unsqueeze", this, dim);

        /// <summary>Without the dimension of size 1, or without all of them.</summary>
        public Tensor squeeze(long? dim = null) => dim is { } one ? Aten.Call("squeeze.dim", this, one) : Aten.Call("squeeze", this);

        /// <summary>With a dimension of size 1 inserted, in place.</summary>
        public Tensor unsqueeze_(long dim) => Aten.CallInPlace(this, "unsqueeze_", this, dim);

        /// <summary>Repeated along dimensions of size 1 without copying; -1 keeps a size.</summary>
        public Tensor expand(long[] sizes, bool isImplicit = false) => Aten.Call("expand", this, sizes, isImplicit);

        /// <summary>Repeated along dimensions of size 1 without copying; -1 keeps a size.</summary>
        public Tensor expand(ReadOnlySpan<long> sizes, bool isImplicit = false) => Aten.Call("expand", this, Arg.Ints(sizes), isImplicit);

        /// <summary>Repeated along dimensions of size 1 without copying; -1 keeps a size.</summary>
        public Tensor expand(params long[] sizes) => Aten.Call("expand", this, sizes);

        /// <summary>Repeated without copying to the shape of another tensor.</summary>
        public Tensor expand_as(Tensor other) => expand(other.shape);

        /// <summary>Repeated without copying to a shape.</summary>
        public Tensor broadcast_to(params long[] shape) => Aten.Call("broadcast_to", this, shape);

        /// <summary>Copied that many times along each dimension.</summary>
        public Tensor repeat(params long[] sizes) => Aten.Call("repeat", this, sizes);

        /// <summary>Every element, or slice along dim, copied that many times in a row.</summary>
        public Tensor repeat_interleave(long repeats, long? dim = null, long? output_size = null) => Aten.Call("repeat_interleave.self_int", this, repeats, dim, output_size);

        /// <summary>Every element, or slice along dim, copied as many times as repeats says for it.</summary>
        public Tensor repeat_interleave(Tensor repeats, long? dim = null, long? output_size = null) => Aten.Call("repeat_interleave.self_Tensor", this, repeats, dim, output_size);

        /// <summary>In reverse order along the dimensions.</summary>
        public Tensor flip(params long[] dims) => Aten.Call("flip", this, dims);

        /// <summary>Moved cyclically, along dim or as if flat.</summary>
        public Tensor roll(long shifts, long? dims = null) => Aten.Call("roll", this, shifts, dims is { } one ? new[] { one } : Array.Empty<long>());

        /// <summary>Moved cyclically along the dimensions.</summary>
        public Tensor roll(long[] shifts, long[] dims) => Aten.Call("roll", this, shifts, dims);

        /// <summary>With dimensions moved to other places.</summary>
        public Tensor movedim(long[] source, long[] destination) => Aten.Call("movedim.intlist", this, source, destination);

        /// <summary>length elements along dim from start on, sharing memory.</summary>
        public Tensor narrow(long dim, long start, long length) => Aten.Call("narrow", this, dim, start, length);

        /// <summary>One slice along dim, which is dropped; shares memory.</summary>
        public Tensor select(long dim, long index) => Aten.Call("select.int", this, dim, index);

        /// <summary>The elements start, start + step, ... below finish along dim; shares memory.</summary>
        public Tensor slice(long dim, long start, long finish, long step) => Aten.Call("slice.Tensor", this, dim, start, finish, step);

        /// <summary>Parts of that size along dim; the last one may be smaller.</summary>
        public Tensor[] split(long size, int dim = 0) => Aten.CallList("split.Tensor", this, size, dim);

        /// <summary>Parts of those sizes along dim.</summary>
        public Tensor[] split(long[] sizes, long dim = 0) => Aten.CallList("split_with_sizes", this, sizes, dim);

        /// <summary>At most that many parts of equal size along dim.</summary>
        public Tensor[] chunk(long chunks, long dim = 0L) => Aten.CallList("chunk", this, chunks, dim);

        /// <summary>The slices along a dimension, which is dropped.</summary>
        public Tensor[] unbind(long dimension = 0L) => Aten.CallList("unbind.int", this, dimension);

        /// <summary>All windows of that size along a dimension, in a new last dimension; shares memory.</summary>
        public Tensor unfold(long dimension, long size, long step) => Aten.Call("unfold", this, dimension, size, step);

        /// <summary>The lower triangle; elements above the diagonal are zero.</summary>
        public Tensor tril(long diagonal = 0) => Aten.Call("tril", this, diagonal);

        /// <summary>The upper triangle; elements below the diagonal are zero.</summary>
        public Tensor triu(long diagonal = 0) => Aten.Call("triu", this, diagonal);

        /// <summary>The lower triangle, in place.</summary>
        public Tensor tril_(long diagonal = 0) => Aten.CallInPlace(this, "tril_", this, diagonal);

        /// <summary>The upper triangle, in place.</summary>
        public Tensor triu_(long diagonal = 0) => Aten.CallInPlace(this, "triu_", this, diagonal);

        /// <summary>The diagonal of a matrix, or the matrix with this diagonal.</summary>
        public Tensor diag(long diagonal = 0) => Aten.Call("diag", this, diagonal);

        /// <summary>The elements on the diagonal of two dimensions, in a new last dimension.</summary>
        public Tensor diagonal(long offset = 0L, long dim1 = 0L, long dim2 = 1L) => Aten.Call("diagonal", this, offset, dim1, dim2);

        private long[] UnflattenedShape(long dim, long[] sizes)
        {
            var old = shape;
            var at = (int)(dim < 0 ? dim + old.Length : dim);
            return [.. old[..at], .. sizes, .. old[(at + 1)..]];
        }
    }
}
