using Rlhf.Torch.Extensions;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

// Legend: B batch, T tokens, N wanted places, W width of the embeddings, D model

/// <summary>Embeddings, blocks and final norm: the part that a language model and a scalar head share.</summary>
internal sealed class DecoderStack : nn.Module
{
    private readonly TransformerConfig _config;

    public DecoderStack(TransformerConfig config, ScalarType dtype)
        : base(nameof(DecoderStack))
    {
        if (config.Validate() is { Count: > 0 } faults)
        {
            throw new ArgumentException($"illegal transformer config: {string.Join("; ", faults)}", nameof(config));
        }

        // Every model's first tensor is made here.
        TorchRuntime.Initialize();
        _config = config;
        var architecture = config.Architecture with { Dtype = dtype };
        var names = architecture.Names;
        TokenEmbedding = Add(names.TokenEmbedding, new EmbeddingTable(config.VocabSize, config.EmbeddingWidth, dtype));
        PositionOffset = architecture.PositionOffset;
        PositionEmbedding = architecture.LearnedPositions
            ? Add(names.PositionEmbedding, new EmbeddingTable(config.MaxPositionEmbeddings + PositionOffset, config.HiddenSize, dtype))
            : null;
        EmbeddingNorm = architecture.EmbeddingNorm ? Add(names.EmbeddingNorm, architecture.NewNorm(config.EmbeddingWidth)) : null;
        if (config.EmbeddingWidth != config.HiddenSize)
        {
            ProjectIn = Add("project_in", new Projection(config.EmbeddingWidth, config.HiddenSize, hasBias: false, dtype));
            ProjectOut = Add("project_out", new Projection(config.HiddenSize, config.EmbeddingWidth, hasBias: false, dtype));
        }

        Layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(layer => new DecoderLayer(config, architecture, layer))];
        Add(names.Layers, nn.ModuleList(Layers));
        FinalNorm = architecture.FinalNorm ? Add(names.FinalNorm, architecture.NewNorm(config.HiddenSize)) : null;
        Rotary = architecture.Rotary ? new RotaryTable(config) : null;
        AlibiSlopes = architecture.Alibi ? Alibi.Slopes(config.NumAttentionHeads) : null;
        Windows = [.. Layers.Select(layer => layer.Attention.SlidingWindow).Distinct()];
    }

    /// <summary>[V, W].</summary>
    public EmbeddingTable TokenEmbedding { get; }

    /// <summary>[max_position_embeddings + PositionOffset, D]; null where positions are rotary or ALiBi.</summary>
    public EmbeddingTable? PositionEmbedding { get; }

    /// <summary>The row of <see cref="PositionEmbedding"/> for position 0.</summary>
    public int PositionOffset { get; }

    public Norm? EmbeddingNorm { get; }

    /// <summary>From the width of the embeddings to the model's, where they differ.</summary>
    public Projection? ProjectIn { get; }

    public Projection? ProjectOut { get; }

    public DecoderLayer[] Layers { get; }

    public Norm? FinalNorm { get; }

    public RotaryTable? Rotary { get; }

    /// <summary>One slope per head; null without ALiBi.</summary>
    public float[]? AlibiSlopes { get; }

    /// <summary>Every sliding window that a layer has; null among them: some layer has none.</summary>
    public IReadOnlyList<int?> Windows { get; }

    /// <summary>Whether the blocks' activations are computed again in the backward pass instead of being held.</summary>
    public bool GradientCheckpointing { get; set; }

    /// <summary>The residual stream after the final norm, [B, T, W].</summary>
    /// <param name="inputIds_BT">Token ids.</param>
    /// <param name="attentionMask_BT">1 real, 0 padding; null: all real.</param>
    /// <param name="positionIds_BT">Null: counted over real tokens, from 0 in every document.</param>
    /// <param name="sequenceIds_BT">Which document a token belongs to, 0 for padding; null: one a row.</param>
    /// <param name="states">Takes the embeddings, every block's result but the last, and the stream after the final norm.</param>
    /// <param name="embeddingNoise_BTW">Added to the token embeddings; null: nothing.</param>
    /// <param name="places_N">Places in the flattened [B · T] whose states are wanted, int64; null: all.</param>
    /// <returns>[B, T, W], or [N, W] at the places.</returns>
    public Tensor Forward(
        Tensor inputIds_BT,
        Tensor? attentionMask_BT,
        Tensor? positionIds_BT = null,
        Tensor? sequenceIds_BT = null,
        List<Tensor>? states = null,
        Tensor? embeddingNoise_BTW = null,
        Tensor? places_N = null)
    {
        using var scope = NewDisposeScope();
        var input = new AttentionInput(inputIds_BT, attentionMask_BT, positionIds_BT, sequenceIds_BT);
        var x = Run(inputIds_BT, Context(), GradientCheckpointing && is_grad_enabled() ? Context : null, states, embeddingNoise_BTW, places_N);
        foreach (var result in states ?? [x])
        {
            result.MoveToOuterDisposeScope();
        }

        return x;

        AttentionContext Context() => AttentionContext.Create(input, this, _config);
    }

    /// <summary>The same in a context that is prepared already.</summary>
    /// <param name="inputIds_BT">Token ids.</param>
    /// <param name="context">Positions, masks, and a cache if there is one.</param>
    public Tensor Forward(Tensor inputIds_BT, AttentionContext context)
    {
        using var scope = NewDisposeScope();
        return Run(inputIds_BT, context, renew: null, states: null, embeddingNoise_BTW: null, places_N: null).MoveToOuterDisposeScope();
    }

    protected override void RegisterComponents()
    {
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Rotary?.Dispose();
        }

        base.Dispose(disposing);
    }

    private Tensor Run(
        Tensor inputIds_BT, AttentionContext context, Func<AttentionContext>? renew, List<Tensor>? states, Tensor? embeddingNoise_BTW, Tensor? places_N)
    {
        var x = Embed(inputIds_BT, context, embeddingNoise_BTW);

        // Under an adapter the embeddings are frozen, and without a gradient here the blocks would not take part in the graph.
        x = renew is null || x.requires_grad ? x : x.detach().requires_grad_(true);
        foreach (var layer in Layers)
        {
            states?.Add(x);
            var wanted_N = layer == Layers[^1] ? places_N : null;
            x = renew is null ? layer.Forward(x, context, wanted_N) : CheckpointedLayer.Forward(x, layer, context, renew, wanted_N);
        }

        x = FinalNorm?.forward(x) ?? x;
        x = ProjectOut?.forward(x) ?? x;
        states?.Add(x);
        return x;
    }

    private Tensor Embed(Tensor inputIds_BT, AttentionContext context, Tensor? noise_BTW)
    {
        var x_BTW = TokenEmbedding.forward(inputIds_BT);
        x_BTW = noise_BTW is null ? x_BTW : x_BTW + noise_BTW;
        x_BTW = EmbeddingNorm?.forward(x_BTW) ?? x_BTW;
        var x_BTD = ProjectIn?.forward(x_BTW) ?? x_BTW;
        if (PositionEmbedding is null)
        {
            return x_BTD;
        }

        return x_BTD + (context.Positions_BT is { } positions_BT
            ? PositionEmbedding.forward(positions_BT + PositionOffset)
            : PositionEmbedding.weight!.narrow(0, PositionOffset, inputIds_BT.shape[1]));
    }

    private T Add<T>(string name, T module)
        where T : nn.Module
    {
        register_module(name, module);
        return module;
    }
}
