using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Torch.Tests.Operators;

// The numbers were printed by python3-torch 1.13.1 for the expression on the left, with the inputs of OperatorInputs.Python.
internal static class TypesCases
{
    public static IReadOnlyList<OperatorCase> All { get; } =
    [
        new("x.to(torch.float64)", t => t.x.to(float64), float64, [2, 3], [0.5, -1.25, 2, 3, 0.25, -0.75]),
        new("x.to(torch.bfloat16)", t => t.x.to_type(bfloat16), bfloat16, [2, 3], [0.5, -1.25, 2, 3, 0.25, -0.75]),
        new("x.to(torch.float16)", t => t.x.half(), float16, [2, 3], [0.5, -1.25, 2, 3, 0.25, -0.75]),
        new("x.to(torch.int64)", t => t.x.to(int64), int64, [2, 3], [0, -1, 2, 3, 0, 0]),
        new("x.to(torch.int32)", t => t.x.@int(), int32, [2, 3], [0, -1, 2, 3, 0, 0]),
        new("x.to(torch.bool)", t => t.x.@bool(), @bool, [2, 3], [1, 1, 1, 1, 1, 1]),
        new("y.to(torch.uint8)", t => t.y.to(uint8), uint8, [2, 3], [1, 2, 0, 0, 4, 1]),
        new("a.to(torch.float32)", t => t.a.@float(), float32, [2, 3], [7, -3, 2, 5, 0, -8]),
        new("(y / 3).to(torch.bfloat16)", t => (t.y / 3).bfloat16(), bfloat16, [2, 3], [0.5, 0.66796875, 0.166992188, 0.0834960938, 1.3359375, 0.333984375]),
        new("(y / 3).to(torch.bfloat16) + 1", t => (t.y / 3).bfloat16() + 1, bfloat16, [2, 3], [1.5, 1.671875, 1.1640625, 1.0859375, 2.34375, 1.3359375]),
        new("torch.arange(5)", t => arange(5), int64, [5], [0, 1, 2, 3, 4]),
        new("torch.arange(1, 2, 0.25)", t => arange(1, 2, 0.25), float32, [4], [1, 1.25, 1.5, 1.75]),
        new("torch.arange(2, 5)", t => arange(2, 5), int64, [3], [2, 3, 4]),
        new("torch.arange(3, dtype=torch.float32)", t => arange(3, dtype: float32), float32, [3], [0, 1, 2]),
        new("torch.full([2, 2], 3)", t => full([2, 2], 3), int64, [2, 2], [3, 3, 3, 3]),
        new("torch.full([2], 0.5, dtype=torch.float64)", t => full([2], 0.5, float64), float64, [2], [0.5, 0.5]),
        new("torch.full([2], True)", t => full([2], true), @bool, [2], [1, 1]),
        new("torch.zeros(2, 2, dtype=torch.int64)", t => zeros(2, 2, int64), int64, [2, 2], [0, 0, 0, 0]),
        new("torch.ones_like(a)", t => ones_like(t.a), int64, [2, 3], [1, 1, 1, 1, 1, 1]),
        new("torch.eye(2)", t => eye(2), float32, [2, 2], [1, 0, 0, 1]),
        new("torch.linspace(0, 1, 5)", t => linspace(0, 1, 5), float32, [5], [0, 0.25, 0.5, 0.75, 1]),
        new("torch.tensor([[1, 2], [3, 4]])", t => tensor(new long[,] { { 1, 2 }, { 3, 4 } }), int64, [2, 2], [1, 2, 3, 4]),
        new("torch.tensor([1.5, 2.5])", t => tensor(new[] { 1.5f, 2.5f }), float32, [2], [1.5, 2.5]),
        new("torch.tensor(5)", t => tensor(5L), int64, [], [5]),
        new("torch.tensor([1.5, 2.5], dtype=torch.float64)", t => tensor(new[] { 1.5, 2.5 }), float64, [2], [1.5, 2.5]),
        new("torch.tensor([True, False])", t => tensor(new[] { true, false }), @bool, [2], [1, 0]),
        new("torch.tensor([1, 2], dtype=torch.int32)", t => tensor(new[] { 1, 2 }), int32, [2], [1, 2]),
        new("torch.zeros_like(x, dtype=torch.bool)", t => zeros_like(t.x, @bool), @bool, [2, 3], [0, 0, 0, 0, 0, 0]),
    ];
}
