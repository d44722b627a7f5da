using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Heads;

// Legend: B batch, T tokens, N wanted places, D width of the embeddings

/// <summary>
/// One value per token from the hidden states of a language model, which then is policy and critic in one. Parameters have the names
/// of TRL's value head: <c>summary.weight</c> [1, D] and <c>summary.bias</c> [1].
/// </summary>
public sealed class ValueHead : nn.Module
{
    private readonly Projection _summary;

    /// <summary>A head drawn from normal(0, 1/√(D + 1)) (Ziegler et al. 2019), with bias 0.</summary>
    /// <param name="lm">The language model whose <see cref="CausalLanguageModel.Hidden"/> it reads; stays untouched.</param>
    /// <param name="random">Source of the weights.</param>
    public ValueHead(CausalLanguageModel lm, Philox random)
        : base(nameof(ValueHead))
    {
        ArgumentNullException.ThrowIfNull(lm);
        ArgumentNullException.ThrowIfNull(random);
        var width = lm.Config.EmbeddingWidth;
        _summary = new Projection(width, 1, hasBias: true, lm.OutputWeight.dtype);
        _summary.to(lm.OutputWeight.device);
        register_module("summary", _summary);
        using var noGrad = no_grad();
        Weights.FillNormal(_summary.weight, random, 1 / Math.Sqrt(width + 1));
        _summary.bias!.zero_();
    }

    /// <summary>One value per token.</summary>
    /// <param name="hidden">What <see cref="CausalLanguageModel.Hidden"/> gives, [B, T, D] or [N, D].</param>
    /// <returns>[B, T] or [N].</returns>
    public Tensor Values(Tensor hidden)
    {
        using var values = _summary.forward(hidden);
        return values.squeeze(-1);
    }

    /// <inheritdoc/>
    protected override void RegisterComponents()
    {
    }
}
