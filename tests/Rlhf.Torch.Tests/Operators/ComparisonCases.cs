using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Torch.Tests.Operators;

// The numbers were printed by python3-torch 1.13.1 for the expression on the left, with the inputs of OperatorInputs.Python.
internal static class ComparisonCases
{
    public static IReadOnlyList<OperatorCase> All { get; } =
    [
        new("x.eq(y)", t => t.x.eq(t.y), @bool, [2, 3], [0, 0, 0, 0, 0, 0]),
        new("x.eq(0.25)", t => t.x.eq(0.25), @bool, [2, 3], [0, 0, 0, 0, 1, 0]),
        new("a == 2", t => t.a == 2, @bool, [2, 3], [0, 0, 1, 0, 0, 0]),
        new("x.ne(y)", t => t.x.ne(t.y), @bool, [2, 3], [1, 1, 1, 1, 1, 1]),
        new("x.ne(0.25)", t => t.x.ne(0.25), @bool, [2, 3], [1, 1, 1, 1, 0, 1]),
        new("a != 2", t => t.a != 2, @bool, [2, 3], [1, 1, 0, 1, 1, 1]),
        new("x.lt(y)", t => t.x.lt(t.y), @bool, [2, 3], [1, 1, 0, 0, 1, 1]),
        new("x.lt(0.25)", t => t.x.lt(0.25), @bool, [2, 3], [0, 1, 0, 0, 0, 1]),
        new("a < 2", t => t.a < 2, @bool, [2, 3], [0, 1, 0, 0, 1, 1]),
        new("x.le(y)", t => t.x.le(t.y), @bool, [2, 3], [1, 1, 0, 0, 1, 1]),
        new("x.le(0.25)", t => t.x.le(0.25), @bool, [2, 3], [0, 1, 0, 0, 1, 1]),
        new("a <= 2", t => t.a <= 2, @bool, [2, 3], [0, 1, 1, 0, 1, 1]),
        new("x.gt(y)", t => t.x.gt(t.y), @bool, [2, 3], [0, 0, 1, 1, 0, 0]),
        new("x.gt(0.25)", t => t.x.gt(0.25), @bool, [2, 3], [1, 0, 1, 1, 0, 0]),
        new("a > 2", t => t.a > 2, @bool, [2, 3], [1, 0, 0, 1, 0, 0]),
        new("x.ge(y)", t => t.x.ge(t.y), @bool, [2, 3], [0, 0, 1, 1, 0, 0]),
        new("x.ge(0.25)", t => t.x.ge(0.25), @bool, [2, 3], [1, 0, 1, 1, 1, 0]),
        new("a >= 2", t => t.a >= 2, @bool, [2, 3], [1, 0, 1, 1, 0, 0]),
        new("1 < y", t => 1 < t.y, @bool, [2, 3], [1, 1, 0, 0, 1, 0]),
        new("x.logical_and(k)", t => t.x.logical_and(t.k), @bool, [2, 3], [1, 0, 1, 0, 0, 1]),
        new("k.logical_or(k.logical_not())", t => t.k.logical_or(t.k.logical_not()), @bool, [2, 3], [1, 1, 1, 1, 1, 1]),
        new("k.logical_not()", t => t.k.logical_not(), @bool, [2, 3], [0, 1, 0, 1, 1, 0]),
        new("~k", t => ~t.k, @bool, [2, 3], [0, 1, 0, 1, 1, 0]),
        new("k & (x > 1)", t => t.k & (t.x > 1), @bool, [2, 3], [0, 0, 1, 0, 0, 0]),
        new("k | (x > 1)", t => t.k | (t.x > 1), @bool, [2, 3], [1, 0, 1, 1, 0, 1]),
        new("k ^ (x > 1)", t => t.k ^ (t.x > 1), @bool, [2, 3], [1, 0, 0, 1, 0, 1]),
        new("(x / 0).isfinite()", t => (t.x / 0).isfinite(), @bool, [2, 3], [0, 0, 0, 0, 0, 0]),
        new("(x - x).div(0).isnan()", t => (t.x - t.x).div(0).isnan(), @bool, [2, 3], [1, 1, 1, 1, 1, 1]),
        new("(x / 0).isinf()", t => isinf(t.x / 0), @bool, [2, 3], [1, 1, 1, 1, 1, 1]),
        new("k.all()", t => t.k.all(), @bool, [], [0]),
        new("k.any()", t => t.k.any(), @bool, [], [1]),
        new("k.any(dim=0)", t => t.k.any(0), @bool, [3], [1, 0, 1]),
        new("k.all(dim=1, keepdim=True)", t => t.k.all(1, keepdim: true), @bool, [2, 1], [0, 0]),
    ];
}
