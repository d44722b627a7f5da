using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

/// <summary>
/// Rows of a matrix, looked up by number; uninitialised at first. A class of our own because the package's module over given weights
/// hands out other parameters than those it looks up.
/// </summary>
internal sealed class EmbeddingTable : nn.Module<Tensor, Tensor>
{
    public EmbeddingTable(long count, long width, ScalarType dtype)
        : base(nameof(EmbeddingTable))
    {
        weight = Weights.Uninitialised([count, width], dtype);
    }

    /// <summary>[count, width].</summary>
    public Parameter weight
    {
        get;

        // TorchSharp sets the parameter of another type or device here when the module moves: it takes the old one's place.
        private set
        {
            field?.Dispose();
            field = value;
            ConditionallyRegisterParameter(nameof(weight), value);
        }
    }

    /// <param name="ids">int64, any shape.</param>
    /// <returns>[*ids, width].</returns>
    public override Tensor forward(Tensor ids) => weight.index_select(0, ids.reshape(-1)).view([.. ids.shape, weight.shape[1]]);

    protected override void RegisterComponents()
    {
    }
}
