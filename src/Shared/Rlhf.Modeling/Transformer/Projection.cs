using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

/// <summary>
/// x · Wᵀ + b with uninitialised weights: a checkpoint or <see cref="CausalLanguageModel.Initialize"/> fills them. The weight is
/// [outputs, inputs] whatever the file has.
/// </summary>
internal sealed class Projection : nn.Module<Tensor, Tensor>
{
    public Projection(long inputs, long outputs, bool hasBias, ScalarType dtype, bool storedTransposed = false)
        : base(nameof(Projection))
    {
        StoredTransposed = storedTransposed;
        weight = Weights.Uninitialised([outputs, inputs], dtype);
        register_parameter(nameof(weight), weight);
        if (hasBias)
        {
            bias = Weights.Uninitialised([outputs], dtype);
            register_parameter(nameof(bias), bias);
        }
    }

    /// <summary>The matrix, [outputs, inputs].</summary>
    public Parameter weight { get; }

    /// <summary>[outputs], or null.</summary>
    public Parameter? bias { get; }

    /// <summary>Whether checkpoints hold the matrix as [inputs, outputs]: the Conv1D of GPT-2.</summary>
    public bool StoredTransposed { get; }

    /// <param name="input">[…, inputs].</param>
    /// <returns>[…, outputs].</returns>
    public override Tensor forward(Tensor input) => TransformerOps.Linear(input, weight, bias);

    protected override void RegisterComponents()
    {
    }
}
