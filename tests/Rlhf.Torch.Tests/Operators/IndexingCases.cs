using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Torch.Tests.Operators;

// The numbers were printed by python3-torch 1.13.1 for the expression on the left, with the inputs of OperatorInputs.Python.
internal static class IndexingCases
{
    public static IReadOnlyList<OperatorCase> All { get; } =
    [
        new("x[1]", t => t.x[1], float32, [3], [3, 0.25, -0.75]),
        new("x[-1, 0]", t => t.x[-1, 0], float32, [], [3]),
        new("w[0, 1, 2]", t => t.w[0, 1, 2], float32, [], [-0.279415488]),
        new("x[:, 1:]", t => t.x[TensorIndex.Colon, 1..], float32, [2, 2], [-1.25, 2, 0.25, -0.75]),
        new("x[:, :-1]", t => t.x[TensorIndex.Colon, ..^1], float32, [2, 2], [0.5, -1.25, 3, 0.25]),
        new("w[..., -1]", t => t.w[TensorIndex.Ellipsis, TensorIndex.Single(-1)], float32, [2, 3], [0.141120002, 0.656986594, -0.999990225, 0.650287867, 0.149877205, -0.846220374]),
        new("w[:, ::2, 1:3]", t => t.w[TensorIndex.Colon, TensorIndex.Slice(step: 2), TensorIndex.Slice(1, 3)], float32, [2, 2, 2], [0.841470957, 0.909297407, 0.412118495, -0.54402113, 0.420167029, 0.990607381, 0.836655617, -0.00885130931]),
        new("x[None, :, 0]", t => t.x[TensorIndex.None, TensorIndex.Colon, TensorIndex.Single(0)], float32, [1, 2], [0.5, 3]),
        new("x[:, None]", t => t.x[TensorIndex.Colon, TensorIndex.Null], float32, [2, 1, 3], [0.5, -1.25, 2, 3, 0.25, -0.75]),
        new("x[...]", t => t.x[TensorIndex.Ellipsis], float32, [2, 3], [0.5, -1.25, 2, 3, 0.25, -0.75]),
        new("x[:, i]", t => t.x[TensorIndex.Colon, TensorIndex.Tensor(t.i)], float32, [2, 2], [2, 0.5, -0.75, 3]),
        new("x[torch.tensor([0, 1]), i]", t => t.x[tensor(new long[] { 0, 1 }), t.i], float32, [2], [2, 3]),
        new("x[k]", t => t.x[t.k], float32, [3], [0.5, 2, -0.75]),
        new("w[0, ..., i]", t => t.w[TensorIndex.Single(0), TensorIndex.Ellipsis, TensorIndex.Tensor(t.i)], float32, [3, 2], [0.909297407, 0, -0.279415488, -0.756802499, -0.54402113, 0.989358246]),
        new("w[k]", t => t.w[TensorIndex.Tensor(t.k)], float32, [3, 4], [0, 0.841470957, 0.909297407, 0.141120002, 0.989358246, 0.412118495, -0.54402113, -0.999990225, 0.912945271, 0.836655617, -0.00885130931, -0.846220374]),
        new("w[:, k[0], 1:]", t => t.w[TensorIndex.Colon, TensorIndex.Tensor(t.k[0]), 1..], float32, [2, 2, 3], [0.841470957, 0.909297407, 0.141120002, 0.412118495, -0.54402113, -0.999990225, 0.420167029, 0.990607381, 0.650287867, 0.836655617, -0.00885130931, -0.846220374]),
        new("x[True]", t => t.x[TensorIndex.Bool(true)], float32, [1, 2, 3], [0.5, -1.25, 2, 3, 0.25, -0.75]),
        new("x.index_select(1, i)", t => t.x.index_select(1, t.i), float32, [2, 2], [2, 0.5, -0.75, 3]),
        new("x.gather(1, j)", t => t.x.gather(1, t.j), float32, [2, 3], [0.5, 2, -1.25, 0.25, 0.25, 3]),
        new("x.scatter(1, j, y)", t => t.x.scatter(1, t.j, t.y), float32, [2, 3], [1.5, 0.5, 2, 1, 4, -0.75]),
        new("x.masked_fill(k, float(\"-inf\"))", t => t.x.masked_fill(t.k, float.NegativeInfinity), float32, [2, 3], [double.NegativeInfinity, -1.25, double.NegativeInfinity, 3, 0.25, double.NegativeInfinity]),
        new("x.masked_select(k)", t => t.x.masked_select(t.k), float32, [3], [0.5, 2, -0.75]),
        new("x.where(k, y)", t => t.x.where(t.k, t.y), float32, [2, 3], [0.5, 2, 2, 0.25, 4, -0.75]),
        new("torch.where(k, x, torch.tensor(0.0))", t => where(t.k, t.x, tensor(0.0f)), float32, [2, 3], [0.5, 0, 2, 0, 0, -0.75]),
        new("k.nonzero()", t => t.k.nonzero(), int64, [3, 2], [0, 0, 0, 2, 1, 2]),
        new("x.take(i)", t => t.x.take(t.i), float32, [2], [2, 0.5]),
        new("x.take_along_dim(j, 1)", t => t.x.take_along_dim(t.j, 1), float32, [2, 3], [0.5, 2, -1.25, 0.25, 0.25, 3]),
        new("(x / 0).nan_to_num(posinf=1.0, neginf=-1.0)", t => (t.x / 0).nan_to_num(0, 1.0, -1.0), float32, [2, 3], [1, -1, 1, 1, 1, -1]),
    ];
}
