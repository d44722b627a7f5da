using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Torch.Extensions.Kernels;

/// <summary>LayerNorm and RMSNorm over the last dimension.</summary>
internal sealed unsafe class NormFunction : autograd.SingleTensorFunction<NormFunction>
{
    public override string Name => nameof(NormFunction);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        using var scope = NewDisposeScope();
        var (weight, bias, epsilon, layer) = ((Tensor?)vars[1], (Tensor?)vars[2], (double)vars[3], (bool)vars[4]);
        var x = ((Tensor)vars[0]).contiguous();
        var width = x.shape[^1];
        var rows = x.numel() / width;
        var y = empty(x.shape, dtype: ScalarType.Float32);
        var statistics = empty([rows, 2], dtype: ScalarType.Float32);
        var arguments = new NormArguments
        {
            X = CpuKernels.Floats(x),
            Weight = CpuKernels.Floats(weight),
            Bias = CpuKernels.Floats(bias),
            Y = CpuKernels.Floats(y),
            Statistics = CpuKernels.Floats(statistics),
            Rows = rows,
            Width = width,
            Epsilon = (float)epsilon,
            Layer = layer ? 1 : 0,
        };
        CpuKernels.Check(KernelMethods.rk_norm_forward(&arguments));
        GC.KeepAlive(vars);
        ctx.save_for_backward([x.MoveToOuterDisposeScope(), weight!, statistics.MoveToOuterDisposeScope()]);
        ctx.save_data(nameof(layer), layer);
        ctx.save_data(nameof(bias), bias is not null);
        return y.MoveToOuterDisposeScope();
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        var saved = ctx.get_saved_variables();
        var (x, weight, statistics) = (saved[0], (Tensor?)saved[1], saved[2]);
        weight = weight is { IsInvalid: false } ? weight : null;
        var width = x.shape[^1];
        var dy = grad_output.contiguous();
        var dx = empty(x.shape, dtype: ScalarType.Float32);
        var dweight = weight is null ? null : empty([width], dtype: ScalarType.Float32);
        var dbias = (bool)ctx.get_data("bias") ? empty([width], dtype: ScalarType.Float32) : null;
        var arguments = new NormArguments
        {
            X = CpuKernels.Floats(x),
            Weight = CpuKernels.Floats(weight),
            Statistics = CpuKernels.Floats(statistics),
            DY = CpuKernels.Floats(dy),
            DX = CpuKernels.Floats(dx),
            DWeight = CpuKernels.Floats(dweight),
            DBias = CpuKernels.Floats(dbias),
            Rows = x.numel() / width,
            Width = width,
            Layer = (bool)ctx.get_data("layer") ? 1 : 0,
        };
        CpuKernels.Check(KernelMethods.rk_norm_backward(&arguments));
        GC.KeepAlive(saved);
        GC.KeepAlive(dy);
        return [dx.MoveToOuterDisposeScope(), dweight?.MoveToOuterDisposeScope()!, dbias?.MoveToOuterDisposeScope()!, null!, null!];
    }
}
