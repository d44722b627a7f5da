using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Adapters;

/// <summary>The low-rank update of one projection (Hu et al. 2021): scaling · x · Aᵀ · Bᵀ.</summary>
internal sealed class LoraLayer : IDisposable
{
    public LoraLayer(Projection projection, int rank, double scaling)
    {
        var (outputs, inputs) = (projection.weight.shape[0], projection.weight.shape[1]);
        A = new Projection(inputs, rank, hasBias: false, projection.weight.dtype);
        B = new Projection(rank, outputs, hasBias: false, projection.weight.dtype);
        A.to(projection.weight.device);
        B.to(projection.weight.device);
        Scaling = scaling;
    }

    /// <summary>[rank, inputs].</summary>
    public Projection A { get; }

    /// <summary>[outputs, rank].</summary>
    public Projection B { get; }

    public double Scaling { get; }

    /// <summary>Whether the update is in the projection's weight.</summary>
    public bool Merged { get; set; }

    /// <summary>A uniform within 1/√inputs, as PEFT draws it (He et al. 2015 with a = √5); B 0, so that the update starts at 0.</summary>
    public void Initialize(Philox random)
    {
        using var noGrad = no_grad();
        Weights.FillUniform(A.weight, random, 1 / Math.Sqrt(A.weight.shape[1]));
        B.weight.zero_();
    }

    /// <param name="input">[…, inputs].</param>
    /// <returns>[…, outputs].</returns>
    public Tensor Forward(Tensor input) => B.forward(A.forward(input)) * Scaling;

    /// <summary>The update of the weight, [outputs, inputs].</summary>
    public Tensor Delta() => matmul(B.weight, A.weight) * Scaling;

    public void Dispose()
    {
        A.Dispose();
        B.Dispose();
    }
}
