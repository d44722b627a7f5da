using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Torch.Tests.Operators;

// The numbers were printed by python3-torch 1.13.1 for the expression on the left, with the inputs of OperatorInputs.Python.
internal static class InPlaceCases
{
    public static IReadOnlyList<OperatorCase> All { get; } =
    [
        new("x.clone().add_(y)", t => t.x.clone().add_(t.y), float32, [2, 3], [2, 0.75, 2.5, 3.25, 4.25, 0.25]),
        new("x.clone().add_(1.5)", t => t.x.clone().add_(1.5), float32, [2, 3], [2, 0.25, 3.5, 4.5, 1.75, 0.75]),
        new("x.clone().sub_(y)", t => t.x.clone().sub_(t.y), float32, [2, 3], [-1, -3.25, 1.5, 2.75, -3.75, -1.75]),
        new("x.clone().mul_(y)", t => t.x.clone().mul_(t.y), float32, [2, 3], [0.75, -2.5, 1, 0.75, 1, -0.75]),
        new("x.clone().mul_(0.1)", t => t.x.clone().mul_(0.1), float32, [2, 3], [0.0500000007, -0.125, 0.200000003, 0.300000012, 0.0250000004, -0.075000003]),
        new("x.clone().div_(y)", t => t.x.clone().div_(t.y), float32, [2, 3], [0.333333343, -0.625, 4, 12, 0.0625, -0.75]),
        new("x.clone().div_(3)", t => t.x.clone().div_(3), float32, [2, 3], [0.166666672, -0.416666657, 0.666666687, 1, 0.0833333358, -0.25]),
        new("x.clone().clamp_(-1, 1)", t => t.x.clone().clamp_(-1, 1), float32, [2, 3], [0.5, -1, 1, 1, 0.25, -0.75]),
        new("x.clone().fill_(7)", t => t.x.clone().fill_(7), float32, [2, 3], [7, 7, 7, 7, 7, 7]),
        new("x.clone().zero_()", t => t.x.clone().zero_(), float32, [2, 3], [0, 0, 0, 0, 0, 0]),
        new("x.clone().copy_(y)", t => t.x.clone().copy_(t.y), float32, [2, 3], [1.5, 2, 0.5, 0.25, 4, 1]),
        new("x.clone().neg_()", t => t.x.clone().neg_(), float32, [2, 3], [-0.5, 1.25, -2, -3, -0.25, 0.75]),
        new("x.clone().tanh_()", t => t.x.clone().tanh_(), float32, [2, 3], [0.462117165, -0.848283648, 0.964027584, 0.995054781, 0.244918659, -0.635148942]),
        new("x.clone().exp_()", t => t.x.clone().exp_(), float32, [2, 3], [1.64872122, 0.286504805, 7.38905621, 20.085537, 1.28402543, 0.472366542]),
        new("x.clone().add_(y, alpha=-2)", t => t.x.clone().add_(t.y, -2), float32, [2, 3], [-2.5, -5.25, 1, 2.5, -7.75, -2.75]),
        new("x.clone().addcmul_(y, v, value=0.5)", t => t.x.clone().addcmul_(t.y, t.v, 0.5), float32, [2, 3], [0.875, -0.25, 2.5, 3.0625, 2.25, 0.25]),
        new("x.clone().addcdiv_(y, v, value=-0.5)", t => t.x.clone().addcdiv_(t.y, t.v, -0.5), float32, [2, 3], [-1, -2.25, 1.875, 2.75, -1.75, -1]),
        new("x.clone().lerp_(y, 0.3)", t => t.x.clone().lerp_(t.y, tensor(0.3f)), float32, [2, 3], [0.800000012, -0.274999976, 1.54999995, 2.17499995, 1.375, -0.224999979]),
        new("y.clone().sqrt_()", t => t.y.clone().sqrt_(), float32, [2, 3], [1.22474492, 1.41421354, 0.707106769, 0.5, 2, 1]),
        new("x.clone().masked_fill_(k, -1)", t => t.x.clone().masked_fill_(t.k, -1), float32, [2, 3], [-1, -1.25, -1, 3, 0.25, -1]),
        new("x.clone().index_copy_(1, i, m.t()[:, :2].contiguous())", t => t.x.clone().index_copy_(1, t.i, t.m.t()[TensorIndex.Colon, ..2].contiguous()), float32, [2, 3], [-0.5, -1.25, 1, 0.25, 0.25, 2]),
        new("x.clone().index_fill_(1, i, 9)", t => t.x.clone().index_fill_(1, t.i, 9), float32, [2, 3], [9, -1.25, 9, 9, 0.25, 9]),
        new("x.clone().scatter_(1, j, y)", t => t.x.clone().scatter_(1, t.j, t.y), float32, [2, 3], [1.5, 0.5, 2, 1, 4, -0.75]),
        new("x.clone().scatter_add_(1, j, y)", t => t.x.clone().scatter_add_(1, t.j, t.y), float32, [2, 3], [2, -0.75, 4, 4, 4.5, -0.75]),
        new("x.clone().index_add_(1, i, y[:, :2], alpha=2)", t => t.x.clone().index_add_(1, t.i, t.y[TensorIndex.Colon, ..2], 2), float32, [2, 3], [4.5, -1.25, 5, 11, 0.25, -0.25]),
    ];
}
