using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Torch.Extensions.Kernels;

/// <summary>Rotary positions; the gradient is turned back by the same angles.</summary>
internal sealed unsafe class RotaryFunction : autograd.SingleTensorFunction<RotaryFunction>
{
    public override string Name => nameof(RotaryFunction);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (x, positions, cos, sin) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor)vars[2], (Tensor)vars[3]);
        ctx.save_for_backward([positions, cos, sin]);
        return Turn(x, positions, cos, sin, backward: false);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        var saved = ctx.get_saved_variables();
        return [Turn(grad_output, saved[0], saved[1], saved[2], backward: true), null!, null!, null!];
    }

    private static Tensor Turn(Tensor input, Tensor positions, Tensor cos, Tensor sin, bool backward)
    {
        using var scope = NewDisposeScope();
        var x = input.contiguous();
        var (heads, headDim) = (x.shape[^2], x.shape[^1]);
        var y = empty(x.shape, dtype: ScalarType.Float32);
        var arguments = new RotaryArguments
        {
            X = CpuKernels.Floats(x),
            Y = CpuKernels.Floats(y),
            Positions = (int*)CpuKernels.Pointer(positions),
            Cos = CpuKernels.Floats(cos),
            Sin = CpuKernels.Floats(sin),
            Rows = x.numel() / (heads * headDim),
            XStride = heads * headDim,
            Heads = heads,
            HeadDim = headDim,
            RotaryDim = 2 * cos.shape[^1],
            Backward = backward ? 1 : 0,
        };
        CpuKernels.Check(KernelMethods.rk_rotary_turn(&arguments));
        GC.KeepAlive(x);
        GC.KeepAlive(positions);
        GC.KeepAlive(cos);
        GC.KeepAlive(sin);
        return y.MoveToOuterDisposeScope();
    }
}
