using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Rlhf.Torch.Extensions.Kernels;

// Legend: N rows, C rows of one part, D width, V vocabulary

/// <summary>
/// The output matrix, softmax and choice of one token in one function. Within its budget it keeps the logits, and the backward pass
/// turns them into their own gradient in place; beyond it only a log-sum-exp for each row is kept.
/// </summary>
internal sealed unsafe class LogprobFunction : autograd.MultiTensorFunction<LogprobFunction>
{
    /// <summary>Bytes of logits in one part where they are computed part by part.</summary>
    private const long PartBytes = 32L << 20;

    public override string Name => nameof(LogprobFunction);

    public override List<Tensor> forward(autograd.AutogradContext ctx, params object[] vars)
    {
        using var scope = NewDisposeScope();
        var (hidden_ND, weight_VD, bias_V, targets_N) = (((Tensor)vars[0]).contiguous(), (Tensor)vars[1], (Tensor?)vars[2], ((Tensor)vars[3]).contiguous());
        var options = (Options)vars[4];
        var rows = hidden_ND.shape[0];
        var logprobs_N = empty([rows], dtype: ScalarType.Float32);
        var lse_N = empty([rows], dtype: ScalarType.Float32);
        var entropies_N = options.Entropy ? empty([rows], dtype: ScalarType.Float32) : null;
        var keep = rows * weight_VD.shape[0] * sizeof(float) <= options.Budget;
        var factor_VD = options.Bf16 ? Bf16.From(weight_VD) : weight_VD;
        Tensor? kept_NV = null;
        foreach (var (start, count) in Parts(rows, weight_VD.shape[0], keep))
        {
            using var part = NewDisposeScope();
            var logits_CV = Multiply(hidden_ND.narrow(0, start, count), factor_VD, bias_V, options.Bf16);
            var arguments = new LogprobArguments
            {
                Logits = CpuKernels.Floats(logits_CV),
                Targets = (long*)CpuKernels.Pointer(targets_N) + start,
                Logprobs = CpuKernels.Floats(logprobs_N) + start,
                Lse = CpuKernels.Floats(lse_N) + start,
                Entropies = entropies_N is null ? null : CpuKernels.Floats(entropies_N) + start,
                Rows = count,
                Width = weight_VD.shape[0],
                Scale = options.Scale,
            };
            CpuKernels.Check(KernelMethods.rk_logprob_forward(&arguments));
            kept_NV = keep ? logits_CV.MoveToOuterDisposeScope() : null;
        }

        GC.KeepAlive(targets_N);
        ctx.save_for_backward([
            hidden_ND.MoveToOuterDisposeScope(), options.Bf16 ? factor_VD.MoveToOuterDisposeScope() : weight_VD, bias_V!, targets_N.MoveToOuterDisposeScope(), lse_N.MoveToOuterDisposeScope(),
            kept_NV?.MoveToOuterDisposeScope()!]);
        ctx.save_data(nameof(Options), options);
        if (entropies_N is null)
        {
            return [logprobs_N.MoveToOuterDisposeScope()];
        }

        ctx.mark_non_differentiable([entropies_N]);
        return [logprobs_N.MoveToOuterDisposeScope(), entropies_N.MoveToOuterDisposeScope()];
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, List<Tensor> grad_outputs)
    {
        using var scope = NewDisposeScope();
        var saved = ctx.get_saved_variables();
        var (hidden_ND, weight_VD, targets_N, lse_N) = (saved[0], saved[1], saved[3], saved[4]);
        var bias_V = Valid(saved[2]);
        var kept_NV = Valid(saved[5]);
        var options = (Options)ctx.get_data(nameof(Options));
        var gradients_N = grad_outputs[0].contiguous();
        var dhidden_ND = empty(hidden_ND.shape, dtype: ScalarType.Float32);
        Tensor? dweight_VD = null, dbias_V = null;
        foreach (var (start, count) in Parts(hidden_ND.shape[0], weight_VD.shape[0], kept_NV is not null))
        {
            using var part = NewDisposeScope();
            var hidden_CD = hidden_ND.narrow(0, start, count);
            var logits_CV = kept_NV ?? Multiply(hidden_CD, weight_VD, bias_V, options.Bf16);
            var arguments = new LogprobArguments
            {
                Logits = CpuKernels.Floats(logits_CV),
                Targets = (long*)CpuKernels.Pointer(targets_N) + start,
                Lse = CpuKernels.Floats(lse_N) + start,
                Gradients = CpuKernels.Floats(gradients_N) + start,
                Rows = count,
                Width = weight_VD.shape[0],
                Scale = options.Scale,
            };
            CpuKernels.Check(KernelMethods.rk_logprob_backward(&arguments));
            var gradient_CV = options.Bf16 ? Bf16.From(logits_CV) : logits_CV;
            dhidden_ND.narrow(0, start, count).copy_(gradient_CV.matmul(weight_VD));
            if (options.TrainWeight)
            {
                var product_VD = gradient_CV.t().matmul(options.Bf16 ? Bf16.From(hidden_CD) : hidden_CD);
                Accumulate(ref dweight_VD, options.Bf16 ? Bf16.ToSingle(product_VD.contiguous(), null) : product_VD);
            }

            if (bias_V is not null)
            {
                Accumulate(ref dbias_V, logits_CV.sum(0L));
            }
        }

        GC.KeepAlive(saved);
        GC.KeepAlive(gradients_N);
        return [dhidden_ND.MoveToOuterDisposeScope(), dweight_VD?.MoveToOuterDisposeScope()!, dbias_V?.MoveToOuterDisposeScope()!, null!, null!];
    }

    private static Tensor Multiply(Tensor hidden_CD, Tensor weight_VD, Tensor? bias_V, bool bf16) =>
        bf16 ? Bf16.ToSingle(F.linear(Bf16.From(hidden_CD), weight_VD).contiguous(), bias_V) : F.linear(hidden_CD, weight_VD, bias_V);

    private static Tensor? Valid(Tensor? tensor) => tensor is { IsInvalid: false } ? tensor : null;

    private static void Accumulate(ref Tensor? sum, Tensor part) => sum = sum?.add_(part) ?? part.MoveToOuterDisposeScope();

    private static IEnumerable<(long Start, long Count)> Parts(long rows, long vocabulary, bool whole)
    {
        var most = whole ? rows : Math.Max(1, PartBytes / (vocabulary * sizeof(float)));
        for (var start = 0L; start < rows; start += most)
        {
            yield return (start, Math.Min(most, rows - start));
        }
    }

    /// <summary>What is not differentiated.</summary>
    public sealed record Options(float Scale, bool Entropy, long Budget, bool TrainWeight, bool Bf16);
}
