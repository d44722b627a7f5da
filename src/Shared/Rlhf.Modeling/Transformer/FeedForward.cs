using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

/// <summary>down(activation(up(x))), or down(activation(gate(x)) · up(x)) where there is a gate (Shazeer 2020).</summary>
internal sealed class FeedForward : nn.Module
{
    public FeedForward(TransformerConfig config, Architecture architecture)
        : base(nameof(FeedForward))
    {
        var names = architecture.Names;
        var bias = architecture.FeedForwardBias;
        Activation = Activations.ByName[config.HiddenAct];
        if (architecture.Gated)
        {
            Gate = architecture.NewProjection(config.HiddenSize, config.IntermediateSize, bias);
            register_module(names.Gate, Gate);
        }

        Up = architecture.NewProjection(config.HiddenSize, config.IntermediateSize, bias);
        Down = architecture.NewProjection(config.IntermediateSize, config.HiddenSize, bias);
        register_module(names.Up, Up);
        register_module(names.Down, Down);
    }

    public Projection? Gate { get; }

    public Projection Up { get; }

    public Projection Down { get; }

    public Activation Activation { get; }

    /// <param name="x">[…, D].</param>
    /// <returns>[…, D].</returns>
    public Tensor Forward(Tensor x)
    {
        var up = Up.forward(x);
        return Down.forward(Gate is null
            ? TransformerOps.Activate(up, Activation)
            : TransformerOps.GatedActivate(Gate.forward(x), up, Activation));
    }

    protected override void RegisterComponents()
    {
    }
}
