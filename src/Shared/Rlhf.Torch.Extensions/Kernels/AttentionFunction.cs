using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Torch.Extensions.Kernels;

// Legend: B batch, T tokens, H query heads, K key/value heads, E elements of one head

/// <summary>
/// Tiled attention; the backward pass computes the weights again from the log-sum-exps. Queries, keys and values are three tensors, or
/// one that holds them side by side, whose gradient is then one tensor too.
/// </summary>
internal sealed unsafe class AttentionFunction : autograd.SingleTensorFunction<AttentionFunction>
{
    public override string Name => nameof(AttentionFunction);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        using var scope = NewDisposeScope();
        Tensor?[] inputs = [((Tensor)vars[0]).contiguous(), ((Tensor?)vars[1])?.contiguous(), ((Tensor?)vars[2])?.contiguous()];
        var (sequences, slopes, options) = ((Tensor?)vars[3], (Tensor?)vars[4], (Options)vars[5]);
        var (batch, length, heads, headDim) = options.Shape(inputs[0]!);
        var y = empty([batch, length, heads, headDim], dtype: ScalarType.Float32);
        var lse = empty([batch, heads, length], dtype: ScalarType.Float32);
        var arguments = Arguments(inputs, y, lse, sequences, slopes, options);
        CpuKernels.Check(KernelMethods.rk_attention_forward(&arguments));
        GC.KeepAlive(inputs);
        GC.KeepAlive(vars);
        ctx.save_for_backward([
            inputs[0]!.MoveToOuterDisposeScope(), inputs[1]?.MoveToOuterDisposeScope()!, inputs[2]?.MoveToOuterDisposeScope()!,
            y, lse.MoveToOuterDisposeScope(), sequences!, slopes!]);
        ctx.save_data(nameof(Options), options);
        return y.MoveToOuterDisposeScope();
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        var saved = ctx.get_saved_variables();
        Tensor?[] inputs = [saved[0], Valid(saved[1]), Valid(saved[2])];
        var options = (Options)ctx.get_data(nameof(Options));
        var dy = grad_output.contiguous();
        var gradients = Array.ConvertAll(inputs, input => input is null ? null : empty(input.shape, dtype: ScalarType.Float32));
        var arguments = Arguments(inputs, saved[3], saved[4], Valid(saved[5]), Valid(saved[6]), options);
        arguments.DY = CpuKernels.Floats(dy);
        arguments.DQ = At(gradients, 0, options);
        arguments.DK = At(gradients, 1, options);
        arguments.DV = At(gradients, 2, options);
        CpuKernels.Check(KernelMethods.rk_attention_backward(&arguments));
        GC.KeepAlive(dy);
        GC.KeepAlive(saved);
        return [.. gradients.Select(gradient => gradient?.MoveToOuterDisposeScope()!), null!, null!, null!];
    }

    private static AttentionArguments Arguments(Tensor?[] inputs, Tensor y, Tensor lse, Tensor? sequences, Tensor? slopes, Options options)
    {
        var (batch, length, heads, headDim) = options.Shape(inputs[0]!);
        var keyHeads = inputs[1]?.shape[2] ?? heads;

        // Side by side a place has three heads for each; where they lie is the layout's.
        var (queries, keys) = options.Packed == Packing.None ? (heads, keyHeads) : (3 * heads, 3 * heads);
        var step = options.Packed == Packing.PerHead ? 3 * headDim : headDim;
        return new AttentionArguments
        {
            Q = At(inputs, 0, options),
            K = At(inputs, 1, options),
            V = At(inputs, 2, options),
            QBatch = length * queries * headDim,
            QStride = queries * headDim,
            QStep = step,
            KBatch = length * keys * headDim,
            KStride = keys * headDim,
            KStep = step,
            VBatch = length * keys * headDim,
            VStride = keys * headDim,
            VStep = step,
            Y = CpuKernels.Floats(y),
            Lse = CpuKernels.Floats(lse),
            Sequences = (int*)CpuKernels.Pointer(sequences),
            Slopes = CpuKernels.Floats(slopes),
            Batch = batch,
            Length = length,
            Heads = heads,
            KeyValueHeads = keyHeads,
            HeadDim = headDim,
            Window = options.Window,
            Scale = options.Scale,
        };
    }

    /// <summary>Where queries (0), keys (1) or values (2) begin.</summary>
    private static float* At(Tensor?[] tensors, int part, Options options)
    {
        if (options.Packed == Packing.None)
        {
            return CpuKernels.Floats(tensors[part]);
        }

        var shape = tensors[0]!.shape;
        return CpuKernels.Floats(tensors[0]) + (part * (options.Packed == Packing.PerHead ? shape[4] : shape[3] * shape[4]));
    }

    private static Tensor? Valid(Tensor? tensor) => tensor is { IsInvalid: false } ? tensor : null;

    /// <summary>What is no tensor.</summary>
    public sealed record Options(float Scale, int Window, Packing Packed)
    {
        /// <summary>B, T, H, E of the first input.</summary>
        public (long Batch, long Length, long Heads, long HeadDim) Shape(Tensor input) => (input.shape, Packed) switch
        {
            ([var b, var t, var h, var e], Packing.None) => (b, t, h, e),
            ([var b, var t, 3, var h, var e], Packing.Concatenated) => (b, t, h, e),
            ([var b, var t, var h, 3, var e], Packing.PerHead) => (b, t, h, e),
            _ => throw new ArgumentException($"attention ({Packed}) of an input with shape [{string.Join(", ", input.shape)}]"),
        };
    }
}

/// <summary>How queries, keys and values stand in one tensor.</summary>
public enum Packing
{
    /// <summary>They are three tensors.</summary>
    None,

    /// <summary>[B, T, 3, H, E].</summary>
    Concatenated,

    /// <summary>[B, T, H, 3, E].</summary>
    PerHead,
}
