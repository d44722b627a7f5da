using TorchSharp.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>The slices along dim at the indices.</summary>
        public Tensor index_select(long dim, Tensor index) => Aten.Call("index_select", this, dim, index);

        /// <summary>The elements at the indices along dim; the result has the shape of index.</summary>
        public Tensor gather(long dim, Tensor index) => Aten.Call("gather", this, dim, index);

        /// <summary>With the elements of src written to the indices along dim.</summary>
        public Tensor scatter(long dim, Tensor index, Tensor src) => Aten.Call("scatter.src", this, dim, index, src);

        /// <summary>With the elements of src added at the indices along dim.</summary>
        public Tensor scatter_add(long dim, Tensor index, Tensor src) => Aten.Call("scatter_add", this, dim, index, src);

        /// <summary>With alpha times the slices of source added at the indices along dim.</summary>
        public Tensor index_add(long dim, Tensor index, Tensor source, Scalar alpha) => Aten.Call("index_add", this, dim, index, source, alpha);

        /// <summary>With the slices of source written to the indices along dim.</summary>
        public Tensor index_copy(long dim, Tensor index, Tensor source) => Aten.Call("index_copy", this, dim, index, source);

        /// <summary>With a number written to the indices along dim.</summary>
        public Tensor index_fill(long dim, Tensor index, Scalar value) => Aten.Call("index_fill.int_Scalar", this, dim, index, value);

        /// <summary>With a number where the mask is true.</summary>
        public Tensor masked_fill(Tensor mask, Scalar value) => Aten.Call("masked_fill.Scalar", this, mask, value);

        /// <summary>With the next elements of value where the mask is true.</summary>
        public Tensor masked_scatter(Tensor mask, Tensor value) => Aten.Call("masked_scatter", this, mask, value);

        /// <summary>With the elements of src written to the indices along dim, in place.</summary>
        public Tensor scatter_(long dim, Tensor index, Tensor src) => Aten.CallInPlace(this, "scatter_.src", this, dim, index, src);

        /// <summary>With the elements of src added at the indices along dim, in place.</summary>
        public Tensor scatter_add_(long dim, Tensor index, Tensor src) => Aten.CallInPlace(this, "scatter_add_", this, dim, index, src);

        /// <summary>With alpha times the slices of source added at the indices along dim, in place.</summary>
        public Tensor index_add_(long dim, Tensor index, Tensor source, Scalar alpha) => Aten.CallInPlace(this, "index_add_", this, dim, index, source, alpha);

        /// <summary>With the slices of source written to the indices along dim, in place.</summary>
        public Tensor index_copy_(long dim, Tensor index, Tensor source) => Aten.CallInPlace(this, "index_copy_", this, dim, index, source);

        /// <summary>With a number written to the indices along dim, in place.</summary>
        public Tensor index_fill_(long dim, Tensor index, Scalar value) => Aten.CallInPlace(this, "index_fill_.int_Scalar", this, dim, index, value);

        /// <summary>With a number where the mask is true, in place.</summary>
        public Tensor masked_fill_(Tensor mask, Scalar value) => Aten.CallInPlace(this, "masked_fill_.Scalar", this, mask, value);

        /// <summary>With the next elements of value where the mask is true, in place.</summary>
        public Tensor masked_scatter_(Tensor mask, Tensor value) => Aten.CallInPlace(this, "masked_scatter_", this, mask, value);

        /// <summary>The elements where the mask is true, in one dimension.</summary>
        public Tensor masked_select(Tensor mask) => Aten.Call("masked_select", this, mask);

        /// <summary>The elements at indices counted as if flat.</summary>
        public Tensor take(Tensor index) => Aten.Call("take", this, index);

        /// <summary>The elements at the indices along dim, broadcast.</summary>
        public Tensor take_along_dim(Tensor indices, long dim) => Aten.Call("take_along_dim", this, indices, dim);

        /// <summary>The indices [n, dimensions] of the elements that are not zero.</summary>
        public Tensor nonzero() => Aten.Call("nonzero", this);

        /// <summary>This element where the condition holds, the other one elsewhere.</summary>
        public Tensor where(Tensor condition, Tensor y) => torch.where(condition, this, y);

        /// <summary>The value in place of not-a-number, and finite ones in place of infinities.</summary>
        public Tensor nan_to_num(double nan = 0d, double? posinf = null, double? neginf = null) => Aten.Call("nan_to_num", this, nan, posinf, neginf);
    }
}
