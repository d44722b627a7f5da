using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Torch.Tests.Operators;

// The numbers were printed by python3-torch 1.13.1 for the expression on the left, with the inputs of OperatorInputs.Python.
internal static class ArithmeticCases
{
    public static IReadOnlyList<OperatorCase> All { get; } =
    [
        new("x + y", t => t.x + t.y, float32, [2, 3], [2, 0.75, 2.5, 3.25, 4.25, 0.25]),
        new("x - y", t => t.x - t.y, float32, [2, 3], [-1, -3.25, 1.5, 2.75, -3.75, -1.75]),
        new("x * y", t => t.x * t.y, float32, [2, 3], [0.75, -2.5, 1, 0.75, 1, -0.75]),
        new("x / y", t => t.x / t.y, float32, [2, 3], [0.333333343, -0.625, 4, 12, 0.0625, -0.75]),
        new("x + 2.5", t => t.x + 2.5, float32, [2, 3], [3, 1.25, 4.5, 5.5, 2.75, 1.75]),
        new("x - 2.5", t => t.x - 2.5, float32, [2, 3], [-2, -3.75, -0.5, 0.5, -2.25, -3.25]),
        new("x * 2.5", t => t.x * 2.5, float32, [2, 3], [1.25, -3.125, 5, 7.5, 0.625, -1.875]),
        new("x / 2.5", t => t.x / 2.5, float32, [2, 3], [0.200000003, -0.5, 0.800000012, 1.20000005, 0.100000001, -0.300000012]),
        new("3 + y", t => 3 + t.y, float32, [2, 3], [4.5, 5, 3.5, 3.25, 7, 4]),
        new("3 - y", t => 3 - t.y, float32, [2, 3], [1.5, 1, 2.5, 2.75, -1, 2]),
        new("3 * y", t => 3 * t.y, float32, [2, 3], [4.5, 6, 1.5, 0.75, 12, 3]),
        new("3 / y", t => 3 / t.y, float32, [2, 3], [2, 1.5, 6, 12, 0.75, 3]),
        new("x + a", t => t.x + t.a, float32, [2, 3], [7.5, -4.25, 4, 8, 0.25, -8.75]),
        new("a * 2", t => t.a * 2, int64, [2, 3], [14, -6, 4, 10, 0, -16]),
        new("a / 2", t => t.a / 2, float32, [2, 3], [3.5, -1.5, 1, 2.5, 0, -4]),
        new("a + 1", t => t.a + 1, int64, [2, 3], [8, -2, 3, 6, 1, -7]),
        new("2.0 - a", t => 2.0 - t.a, float32, [2, 3], [-5, 5, 0, -3, 2, 10]),
        new("a % 3", t => t.a % 3, int64, [2, 3], [1, 0, 2, 2, 0, 1]),
        new("-x", t => -t.x, float32, [2, 3], [-0.5, 1.25, -2, -3, -0.25, 0.75]),
        new("x + v", t => t.x + t.v, float32, [2, 3], [1, -0.25, 4, 3.5, 1.25, 1.25]),
        new("x.add(y, alpha=0.5)", t => t.x.add(t.y, 0.5), float32, [2, 3], [1.25, -0.25, 2.25, 3.125, 2.25, -0.25]),
        new("a.div(2, rounding_mode=\"floor\")", t => t.a.div(2, RoundingMode.floor), int64, [2, 3], [3, -2, 1, 2, 0, -4]),
        new("a.div(2, rounding_mode=\"trunc\")", t => t.a.div(2, RoundingMode.trunc), int64, [2, 3], [3, -1, 1, 2, 0, -4]),
        new("y.pow(3)", t => t.y.pow(3), float32, [2, 3], [3.375, 8, 0.125, 0.015625, 64, 1]),
        new("y.pow(y)", t => t.y.pow(t.y), float32, [2, 3], [1.83711731, 4, 0.707106769, 0.707106769, 256, 1]),
        new("y.pow(0.5)", t => t.y.pow(0.5), float32, [2, 3], [1.22474492, 1.41421354, 0.707106769, 0.5, 2, 1]),
        new("torch.minimum(x, y)", t => minimum(t.x, t.y), float32, [2, 3], [0.5, -1.25, 0.5, 0.25, 0.25, -0.75]),
        new("torch.maximum(x, y)", t => maximum(t.x, t.y), float32, [2, 3], [1.5, 2, 2, 3, 4, 1]),
        new("x.clamp(-1, 1)", t => t.x.clamp(-1, 1), float32, [2, 3], [0.5, -1, 1, 1, 0.25, -0.75]),
        new("x.clamp(min=0)", t => t.x.clamp(min: (Scalar)0), float32, [2, 3], [0.5, 0, 2, 3, 0.25, 0]),
        new("x.clamp(min=v.neg(), max=v)", t => t.x.clamp(t.v.neg(), t.v), float32, [2, 3], [0.5, -1, 2, 0.5, 0.25, -0.75]),
        new("torch.lerp(x, y, 0.25)", t => t.x.lerp(t.y, tensor(0.25f)), float32, [2, 3], [0.75, -0.4375, 1.625, 2.3125, 1.1875, -0.3125]),
        new("x.addcmul(y, y, value=0.5)", t => t.x.addcmul(t.y, t.y, 0.5), float32, [2, 3], [1.625, 0.75, 2.125, 3.03125, 8.25, -0.25]),
        new("x.addcdiv(x, y, value=-2)", t => t.x.addcdiv(t.x, t.y, -2), float32, [2, 3], [-0.166666687, 0, -6, -21, 0.125, 0.75]),
        new("x.remainder(0.75)", t => t.x.remainder(0.75), float32, [2, 3], [0.5, 0.25, 0.5, 0, 0.25, -0]),
    ];
}
