using System.ComponentModel;
using TorchSharp.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>The sum of all elements; integers and truth values give int64.</summary>
        public Tensor sum(ScalarType? type = null) => Aten.Call("sum", this, type);

        /// <summary>The sums over the dimensions.</summary>
        public Tensor sum(long[] dim, bool keepdim = false, ScalarType? type = null) => Aten.Call("sum.dim_IntList", this, dim, keepdim, type);

        /// <summary>The sums over the dimensions.</summary>
        public Tensor sum(ReadOnlySpan<long> dim, bool keepdim = false, ScalarType? type = null) => Aten.Call("sum.dim_IntList", this, Arg.Ints(dim), keepdim, type);

        /// <summary>The sums over one dimension.</summary>
        public Tensor sum(long dim, bool keepdim = false, ScalarType? type = null) => Aten.Call("sum.dim_IntList", this, dim, keepdim, type);

        /// <summary>The sums over one dimension. It stands in the way of a literal 0, which TorchSharp, without this overload, would take for the element type.</summary>
        [EditorBrowsable(EditorBrowsableState.Never)]
        public Tensor sum(int dim, bool keepdim = false, ScalarType? type = null) => sum(NotZero(dim), keepdim, type);

        /// <summary>The mean of all elements.</summary>
        public Tensor mean() => Aten.Call("mean", this);

        /// <summary>The means over the dimensions.</summary>
        public Tensor mean(long[] dimensions, bool keepdim = false, ScalarType? type = null) => Aten.Call("mean.dim", this, dimensions, keepdim, type);

        /// <summary>The product of all elements.</summary>
        public Tensor prod(ScalarType? type = null) => Aten.Call("prod", this, type);

        /// <summary>The products over one dimension.</summary>
        public Tensor prod(long dim, bool keepdim = false, ScalarType? type = null) => Aten.Call("prod.dim_int", this, dim, keepdim, type);

        /// <summary>The products over one dimension. It stands in the way of a literal 0, which TorchSharp, without this overload, would take for the element type.</summary>
        [EditorBrowsable(EditorBrowsableState.Never)]
        public Tensor prod(int dim, bool keepdim = false, ScalarType? type = null) => prod(NotZero(dim), keepdim, type);

        /// <summary>The variance of all elements, divided by n - 1 when unbiased.</summary>
        public Tensor var(bool unbiased = true) => Aten.Call("var", this, unbiased);

        /// <summary>The variance over the dimensions.</summary>
        public Tensor var(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => OfType(type, x => Aten.Call("var.dim", x, dimensions, unbiased, keepdim));

        /// <summary>The variance over one dimension.</summary>
        public Tensor var(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => OfType(type, x => Aten.Call("var.dim", x, dim, unbiased, keepdim));

        /// <summary>The standard deviation of all elements, divided by n - 1 when unbiased.</summary>
        public Tensor std(bool unbiased = true) => Aten.Call("std", this, unbiased);

        /// <summary>The standard deviation over the dimensions.</summary>
        public Tensor std(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => OfType(type, x => Aten.Call("std.dim", x, dimensions, unbiased, keepdim));

        /// <summary>The standard deviation over one dimension.</summary>
        public Tensor std(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => OfType(type, x => Aten.Call("std.dim", x, dim, unbiased, keepdim));

        /// <summary>The greatest element.</summary>
        public Tensor max() => Aten.Call("max", this);

        /// <summary>The greater of each pair of elements.</summary>
        public Tensor max(Tensor other) => Aten.Call("max.other", this, other);

        /// <summary>The greatest elements along a dimension, and where they are.</summary>
        public (Tensor values, Tensor indexes) max(long dim, bool keepdim = false) => Aten.CallPair("max.dim", this, dim, keepdim);

        /// <summary>Where the greatest element is, counted as if flat.</summary>
        public Tensor argmax() => Aten.Call("argmax", this);

        /// <summary>Where the greatest elements along a dimension are.</summary>
        public Tensor argmax(long dim, bool keepdim = false) => Aten.Call("argmax", this, dim, keepdim);

        /// <summary>The greatest elements over the dimensions.</summary>
        public Tensor amax(params long[] dims) => Aten.Call("amax", this, dims);

        /// <summary>The greatest elements over the dimensions.</summary>
        public Tensor amax(long[] dims, bool keepdim = false, Tensor? @out = null) =>
            @out is null ? Aten.Call("amax", this, dims, keepdim) : Aten.CallInPlace(@out, "amax.out", this, dims, keepdim, @out);

        /// <summary>The least element.</summary>
        public Tensor min() => Aten.Call("min", this);

        /// <summary>The lesser of each pair of elements.</summary>
        public Tensor min(Tensor other) => Aten.Call("min.other", this, other);

        /// <summary>The least elements along a dimension, and where they are.</summary>
        public (Tensor values, Tensor indexes) min(long dim, bool keepdim = false) => Aten.CallPair("min.dim", this, dim, keepdim);

        /// <summary>Where the least element is, counted as if flat.</summary>
        public Tensor argmin() => Aten.Call("argmin", this);

        /// <summary>Where the least elements along a dimension are.</summary>
        public Tensor argmin(long dim, bool keepdim = false) => Aten.Call("argmin", this, dim, keepdim);

        /// <summary>The least elements over the dimensions.</summary>
        public Tensor amin(params long[] dims) => Aten.Call("amin", this, dims);

        /// <summary>The least elements over the dimensions.</summary>
        public Tensor amin(long[] dims, bool keepdim = false, Tensor? @out = null) =>
            @out is null ? Aten.Call("amin", this, dims, keepdim) : Aten.CallInPlace(@out, "amin.out", this, dims, keepdim, @out);

        /// <summary>The middle element; the lower one of two.</summary>
        public Tensor median() => Aten.Call("median", this);

        /// <summary>The quantiles along a dimension, linear between neighbours.</summary>
        public Tensor quantile(Tensor q, long dim = -1, bool keepdim = false) => Aten.Call("quantile", this, q, dim, keepdim);

        /// <summary>Whether all elements are not zero.</summary>
        public Tensor all() => Aten.Call("all", this);

        /// <summary>Whether all elements are not zero, along a dimension.</summary>
        public Tensor all(long dim, bool keepdim = false) => Aten.Call("all.dim", this, dim, keepdim);

        /// <summary>Whether at least one element is not zero.</summary>
        public Tensor any() => Aten.Call("any", this);

        /// <summary>Whether at least one element is not zero, along a dimension.</summary>
        public Tensor any(long dim, bool keepdim = false) => Aten.Call("any.dim", this, dim, keepdim);

        /// <summary>How many elements are not zero, over the dimensions or all.</summary>
        public Tensor count_nonzero(long[]? dims = null) => dims is null ? Aten.Call("count_nonzero", this, Arg.None) : Aten.Call("count_nonzero.dim_IntList", this, dims);

        /// <summary>The running sum along a dimension.</summary>
        public Tensor cumsum(long dim, ScalarType? type = null) => Aten.Call("cumsum", this, dim, type);

        /// <summary>The running product along a dimension.</summary>
        public Tensor cumprod(long dim, ScalarType? type = null) => Aten.Call("cumprod", this, dim, type);

        /// <summary>log of the sum of e^x along a dimension, without overflow.</summary>
        public Tensor logsumexp(long dim, bool keepdim = false) => Aten.Call("logsumexp", this, dim, keepdim);

        /// <summary>e^x over the sum of e^x along a dimension, computed in dtype.</summary>
        public Tensor softmax(long dim, ScalarType? dtype = null) => Aten.Call("softmax.int", this, dim, dtype);

        /// <summary>The logarithm of softmax along a dimension, computed in dtype.</summary>
        public Tensor log_softmax(long dim, ScalarType? dtype = null) => Aten.Call("log_softmax.int", this, dim, dtype);

        /// <summary>The p-norm of all elements.</summary>
        public Tensor norm(float p = 2.0f) => Aten.Call("norm.Scalar", this, (double)p);

        /// <summary>The p-norms along a dimension.</summary>
        public Tensor norm(int dim, bool keepdim = false, float p = 2.0f) => Aten.Call("norm.ScalarOpt_dim", this, (double)p, dim, keepdim);

        /// <summary>The k greatest (or least) elements along dim, and where they are.</summary>
        public (Tensor values, Tensor indexes) topk(int k, int dim = -1, bool largest = true, bool sorted = true) => Aten.CallPair("topk", this, k, dim, largest, sorted);

        /// <summary>The elements along dim in order, and where they were.</summary>
        public (Tensor Values, Tensor Indices) sort(long dim = -1, bool descending = false, bool stable = false) => Aten.CallPair("sort.stable", this, stable, dim, descending);

        /// <summary>The order that sorts the elements along dim.</summary>
        public Tensor argsort(long dim = -1, bool descending = false) => Aten.Call("argsort", this, dim, descending);

        /// <summary>num_samples indices per row, drawn by the weights in the row.</summary>
        public Tensor multinomial(long num_samples, bool replacement = false, Generator? generator = null) => Aten.Call("multinomial", this, num_samples, replacement, generator);

        /// <summary>How often each of 0, 1, ... occurs, or the sum of the weights there.</summary>
        public Tensor bincount(Tensor? weights, long minlength = 0) => Aten.Call("bincount", this, weights, minlength);

        private Tensor OfType(ScalarType? type, Func<Tensor, Tensor> reduction)
        {
            if (type is not { } wanted || wanted == dtype)
            {
                return reduction(this);
            }

            using var converted = to_type(wanted);
            return reduction(converted);
        }

        internal static long NotZero(int dim) => dim != 0
            ? dim
            : throw new ArgumentException("Write 0L: a literal 0 would be the element type with the TorchSharp package.", nameof(dim));
    }
}
