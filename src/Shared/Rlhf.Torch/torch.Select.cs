using TorchSharp.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>The element of x where the condition holds, that of y elsewhere.</summary>
    public static Tensor where(Tensor condition, Tensor x, Tensor y) => Aten.Call("where.self", condition, x, y);

    /// <summary>The indices of the true elements, one tensor per dimension.</summary>
    public static Tensor[] where(Tensor condition) => Aten.CallList("where", condition);

    /// <summary>The slices along dim at the indices.</summary>
    public static Tensor index_select(Tensor input, long dim, Tensor index) => input.index_select(dim, index);

    /// <summary>The elements at the indices along dim.</summary>
    public static Tensor gather(Tensor input, long dim, Tensor index) => input.gather(dim, index);

    /// <summary>The elements where the mask is true.</summary>
    public static Tensor masked_select(Tensor input, Tensor mask) => input.masked_select(mask);

    /// <summary>The indices [n, dimensions] of the elements that are not zero.</summary>
    public static Tensor nonzero(Tensor input) => input.nonzero();
}
