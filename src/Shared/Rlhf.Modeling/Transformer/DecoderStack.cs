using Rlhf.Torch.Extensions;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

// Legend: B batch, T tokens, D model, V vocabulary

/// <summary>Embedding, blocks and final norm: the part a language model and a scalar head share ("model." in checkpoints).</summary>
internal sealed class DecoderStack : nn.Module
{
    private readonly TransformerConfig _config;

    public DecoderStack(TransformerConfig config)
        : base(nameof(DecoderStack))
    {
        if (config.Validate() is { Count: > 0 } faults)
        {
            throw new ArgumentException($"illegal transformer config: {string.Join("; ", faults)}", nameof(config));
        }

        // Every model's first tensor is made here.
        TorchRuntime.Initialize();
        _config = config;
        Embedding = nn.Embedding(config.VocabSize, config.HiddenSize);
        Layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => new DecoderLayer(config))];
        Norm = new RmsNorm(config.HiddenSize, config.RmsNormEps);
        Rotary = new RotaryTable(config);
        register_module("embed_tokens", Embedding);
        register_module("layers", nn.ModuleList(Layers));
        register_module("norm", Norm);
    }

    public Embedding Embedding { get; }

    public DecoderLayer[] Layers { get; }

    public RmsNorm Norm { get; }

    public RotaryTable Rotary { get; }

    /// <summary>The residual stream after the final norm, [B, T, D].</summary>
    public Tensor Forward(Tensor inputIds_BT, Tensor? attentionMask_BT, Tensor? positionIds_BT)
    {
        using var scope = NewDisposeScope();
        var context = AttentionContext.Create(inputIds_BT, attentionMask_BT, positionIds_BT, Rotary, _config.MaxPositionEmbeddings);
        var x_BTD = Embedding.forward(inputIds_BT);
        foreach (var layer in Layers)
        {
            x_BTD = layer.Forward(x_BTD, context);
        }

        return Norm.forward(x_BTD).MoveToOuterDisposeScope();
    }

    /// <summary>Copies all weights of another stack of the same shape.</summary>
    public void CopyFrom(DecoderStack source) => Weights.Copy(source, this);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Rotary.Dispose();
        }

        base.Dispose(disposing);
    }
}
