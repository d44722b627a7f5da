using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Torch.Extensions.Kernels;

/// <summary>Tiled attention; the backward pass computes the weights again from the log-sum-exps.</summary>
internal sealed unsafe class AttentionFunction : autograd.SingleTensorFunction<AttentionFunction>
{
    public override string Name => nameof(AttentionFunction);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        using var scope = NewDisposeScope();
        var (q, k, v) = (((Tensor)vars[0]).contiguous(), ((Tensor)vars[1]).contiguous(), ((Tensor)vars[2]).contiguous());
        var (sequences, slopes, options) = ((Tensor?)vars[3], (Tensor?)vars[4], (Options)vars[5]);
        var shape = q.shape;
        var y = empty(shape, dtype: ScalarType.Float32);
        var lse = empty([shape[0], shape[2], shape[1]], dtype: ScalarType.Float32);
        var arguments = Arguments(q, k, v, y, lse, sequences, slopes, options);
        CpuKernels.Check(KernelMethods.rk_attention_forward(&arguments));
        GC.KeepAlive(vars);
        ctx.save_for_backward([
            q.MoveToOuterDisposeScope(), k.MoveToOuterDisposeScope(), v.MoveToOuterDisposeScope(), y, lse.MoveToOuterDisposeScope(), sequences!, slopes!]);
        ctx.save_data(nameof(Options), options);
        return y.MoveToOuterDisposeScope();
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        var saved = ctx.get_saved_variables();
        var (q, k, v, y, lse) = (saved[0], saved[1], saved[2], saved[3], saved[4]);
        var options = (Options)ctx.get_data(nameof(Options));
        var dy = grad_output.contiguous();
        var (dq, dk, dv) = (empty(q.shape, dtype: ScalarType.Float32), empty(k.shape, dtype: ScalarType.Float32), empty(v.shape, dtype: ScalarType.Float32));
        var arguments = Arguments(q, k, v, y, lse, Valid(saved[5]), Valid(saved[6]), options);
        arguments.DY = CpuKernels.Floats(dy);
        arguments.DQ = CpuKernels.Floats(dq);
        arguments.DK = CpuKernels.Floats(dk);
        arguments.DV = CpuKernels.Floats(dv);
        CpuKernels.Check(KernelMethods.rk_attention_backward(&arguments));
        GC.KeepAlive(dy);
        GC.KeepAlive(saved);
        return [dq.MoveToOuterDisposeScope(), dk.MoveToOuterDisposeScope(), dv.MoveToOuterDisposeScope(), null!, null!, null!];
    }

    private static AttentionArguments Arguments(Tensor q, Tensor k, Tensor v, Tensor y, Tensor lse, Tensor? sequences, Tensor? slopes, Options options)
    {
        var (shape, keyHeads) = (q.shape, k.shape[2]);
        return new AttentionArguments
        {
            Q = CpuKernels.Floats(q),
            K = CpuKernels.Floats(k),
            V = CpuKernels.Floats(v),
            QStride = shape[2] * shape[3],
            QBatch = shape[1] * shape[2] * shape[3],
            KStride = keyHeads * shape[3],
            KBatch = shape[1] * keyHeads * shape[3],
            VStride = keyHeads * shape[3],
            VBatch = shape[1] * keyHeads * shape[3],
            Y = CpuKernels.Floats(y),
            Lse = CpuKernels.Floats(lse),
            Sequences = (int*)CpuKernels.Pointer(sequences),
            Slopes = CpuKernels.Floats(slopes),
            Batch = shape[0],
            Length = shape[1],
            Heads = shape[2],
            KeyValueHeads = keyHeads,
            HeadDim = shape[3],
            Window = options.Window,
            Scale = options.Scale,
        };
    }

    private static Tensor? Valid(Tensor? tensor) => tensor is { IsInvalid: false } ? tensor : null;

    /// <summary>What is no tensor.</summary>
    public sealed record Options(float Scale, int Window);
}
