using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Torch.Extensions.Kernels;

/// <summary>activation(gate), times up where there is one; the backward pass computes the activation again.</summary>
internal sealed unsafe class ActivationFunction : autograd.SingleTensorFunction<ActivationFunction>
{
    public override string Name => nameof(ActivationFunction);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        using var scope = NewDisposeScope();
        var gate = ((Tensor)vars[0]).contiguous();
        var up = ((Tensor?)vars[1])?.contiguous();
        var activation = (KernelActivation)vars[2];
        var y = empty(gate.shape, dtype: ScalarType.Float32);
        var arguments = new ActivateArguments
        {
            Gate = CpuKernels.Floats(gate),
            Up = CpuKernels.Floats(up),
            Y = CpuKernels.Floats(y),
            Count = gate.numel(),
            Activation = (long)activation,
        };
        CpuKernels.Check(KernelMethods.rk_activate_forward(&arguments));
        ctx.save_for_backward([gate.MoveToOuterDisposeScope(), up?.MoveToOuterDisposeScope()!]);
        ctx.save_data(nameof(activation), activation);
        return y.MoveToOuterDisposeScope();
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        var saved = ctx.get_saved_variables();
        var (gate, up) = (saved[0], (Tensor?)saved[1] is { IsInvalid: false } second ? second : null);
        var dy = grad_output.contiguous();
        var dgate = empty(gate.shape, dtype: ScalarType.Float32);
        var dup = up is null ? null : empty(up.shape, dtype: ScalarType.Float32);
        var arguments = new ActivateArguments
        {
            Gate = CpuKernels.Floats(gate),
            Up = CpuKernels.Floats(up),
            DY = CpuKernels.Floats(dy),
            DGate = CpuKernels.Floats(dgate),
            DUp = CpuKernels.Floats(dup),
            Count = gate.numel(),
            Activation = (long)(KernelActivation)ctx.get_data("activation"),
        };
        CpuKernels.Check(KernelMethods.rk_activate_backward(&arguments));
        GC.KeepAlive(saved);
        GC.KeepAlive(dy);
        return [dgate.MoveToOuterDisposeScope(), dup?.MoveToOuterDisposeScope()!, null!];
    }
}
