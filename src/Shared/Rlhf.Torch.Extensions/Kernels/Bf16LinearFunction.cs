using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Rlhf.Torch.Extensions.Kernels;

// Legend: N rows, I inputs, O outputs

/// <summary>
/// A linear layer whose three products – forward, gradient of the input, gradient of the weight – take bfloat16 factors and sum in
/// single precision; everything else stays single precision (Micikevicius et al. 2018, with bfloat16 instead of scaled half precision).
/// </summary>
internal sealed class Bf16LinearFunction : autograd.SingleTensorFunction<Bf16LinearFunction>
{
    public override string Name => nameof(Bf16LinearFunction);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        using var scope = NewDisposeScope();
        var (input, weight, bias_O) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor?)vars[2]);
        var input_NI = Bf16.From(input).view(-1, input.shape[^1]);
        var weight_OI = Bf16.From(weight);
        var output = Bf16.ToSingle(F.linear(input_NI, weight_OI).contiguous(), bias_O).view([.. input.shape[..^1], weight.shape[0]]);
        ctx.save_for_backward([input_NI.MoveToOuterDisposeScope(), weight_OI.MoveToOuterDisposeScope()]);
        ctx.save_data("needs", (input.requires_grad, weight.requires_grad, bias_O is { requires_grad: true }, input.shape));
        return output.MoveToOuterDisposeScope();
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        var saved = ctx.get_saved_variables();
        var (input_NI, weight_OI) = (saved[0], saved[1]);
        var (forInput, forWeight, forBias, shape) = ((bool, bool, bool, long[]))ctx.get_data("needs");
        var gradient = grad_output.contiguous().view(-1, weight_OI.shape[0]);
        var gradient_NO = Bf16.From(gradient);
        var dinput = forInput ? Bf16.ToSingle(gradient_NO.matmul(weight_OI).contiguous(), null).view(shape) : null;
        var dweight_OI = forWeight ? Bf16.ToSingle(gradient_NO.t().matmul(input_NI).contiguous(), null) : null;
        var dbias_O = forBias ? gradient.sum(0L) : null;
        return [dinput?.MoveToOuterDisposeScope()!, dweight_OI?.MoveToOuterDisposeScope()!, dbias_O?.MoveToOuterDisposeScope()!];
    }
}
