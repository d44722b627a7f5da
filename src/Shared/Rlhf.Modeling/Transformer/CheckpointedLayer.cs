using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

// Legend: B batch, T tokens, N wanted places, D model

/// <summary>
/// A block whose activations are not held: the forward pass keeps its input only, and the backward pass runs it again (gradient checkpointing;
/// Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost").
/// </summary>
internal sealed class CheckpointedLayer : autograd.SingleTensorFunction<CheckpointedLayer>
{
    public override string Name => nameof(CheckpointedLayer);

    /// <summary>The block's result.</summary>
    /// <param name="x_BTD">The block's input; must require a gradient, else the block's own parameters would get none.</param>
    /// <param name="layer">The block.</param>
    /// <param name="context">Of this forward pass.</param>
    /// <param name="renew">Makes an equal context for the backward pass, when the tensors of this one are gone.</param>
    /// <param name="places_N">As in <see cref="DecoderLayer.Forward"/>.</param>
    public static Tensor Forward(Tensor x_BTD, DecoderLayer layer, AttentionContext context, Func<AttentionContext> renew, Tensor? places_N) =>
        apply(x_BTD, layer, context, renew, places_N!);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var layer = (DecoderLayer)vars[1];
        var places_N = (Tensor?)vars[4];
        ctx.save_for_backward([(Tensor)vars[0], places_N!]);
        ctx.save_data(nameof(layer), layer);
        ctx.save_data("renew", vars[3]);
        return layer.Forward((Tensor)vars[0], (AttentionContext)vars[2], places_N);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        var saved = ctx.get_saved_variables();
        var x_BTD = saved[0].detach().requires_grad_(true);
        var places_N = (Tensor?)saved[1] is { IsInvalid: false } places ? places : null;
        using (enable_grad())
        {
            var y = ((DecoderLayer)ctx.get_data("layer")).Forward(x_BTD, ((Func<AttentionContext>)ctx.get_data("renew"))(), places_N);
            autograd.backward([y], [grad_output]);
        }

        return [x_BTD.grad!.MoveToOuterDisposeScope(), null!, null!, null!, null!];
    }
}
