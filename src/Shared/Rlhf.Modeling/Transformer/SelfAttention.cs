using Rlhf.Torch.Extensions.Kernels;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

// Legend: B batch, T tokens, N wanted places, D model, H query heads, K key/value heads, E elements of one head

/// <summary>The order of the rows of a query_key_value matrix.</summary>
internal enum FusedLayout
{
    /// <summary>All of q, then all of k, then all of v (GPT-2).</summary>
    Concatenated,

    /// <summary>For every head its q, its k and its v (GPT-NeoX, BLOOM).</summary>
    PerHead,
}

/// <summary>Causal self-attention with as many key/value heads as the model has (Ainslie et al. 2023).</summary>
internal sealed class SelfAttention : nn.Module
{
    public SelfAttention(TransformerConfig config, Architecture architecture, int layer)
        : base(nameof(SelfAttention))
    {
        var names = architecture.Names;
        (Heads, KeyValueHeads, HeadDim) = (config.NumAttentionHeads, config.NumKeyValueHeads, config.HeadDim);
        RotaryDim = architecture.Rotary ? config.RotaryDim : 0;
        SlidingWindow = config.WindowOf(layer);
        Scale = config.AttentionScaleOf(layer);
        FusedLayout = architecture.FusedLayout;
        var (width, queryWidth, keyWidth) = (config.HiddenSize, Heads * HeadDim, KeyValueHeads * HeadDim);
        if (FusedLayout is null)
        {
            Query = Add(names.Query, architecture.NewProjection(width, queryWidth, architecture.QueryKeyValueBias));
            Key = Add(names.Key, architecture.NewProjection(width, keyWidth, architecture.QueryKeyValueBias));
            Value = Add(names.Value, architecture.NewProjection(width, keyWidth, architecture.QueryKeyValueBias));
        }
        else
        {
            Fused = Add(names.Fused, architecture.NewProjection(width, queryWidth + (2 * keyWidth), architecture.QueryKeyValueBias));
        }

        Output = Add(names.Output, architecture.NewProjection(queryWidth, width, architecture.OutputBias));
        if (architecture.QueryKeyNorm)
        {
            QueryNorm = Add("q_norm", architecture.NewNorm(HeadDim));
            KeyNorm = Add("k_norm", architecture.NewNorm(HeadDim));
        }
    }

    public Projection? Query { get; }

    public Projection? Key { get; }

    public Projection? Value { get; }

    /// <summary>q, k and v in one matrix; null where they are three.</summary>
    public Projection? Fused { get; }

    public FusedLayout? FusedLayout { get; }

    public Projection Output { get; }

    public Norm? QueryNorm { get; }

    public Norm? KeyNorm { get; }

    public int Heads { get; }

    public int KeyValueHeads { get; }

    public int HeadDim { get; }

    /// <summary>How many elements of a head rotary positions turn; 0: none.</summary>
    public int RotaryDim { get; }

    /// <summary>A place sees itself and the SlidingWindow − 1 places before it; null: all before it.</summary>
    public int? SlidingWindow { get; }

    /// <summary>The factor of the scores.</summary>
    public float Scale { get; }

    /// <param name="x_BTD">The normalized residual stream.</param>
    /// <param name="context">Positions, masks, and a cache if there is one.</param>
    /// <param name="places_N">Flat places whose results are wanted; null: all.</param>
    /// <returns>[B, T, D], or [N, D] at the places.</returns>
    public Tensor Forward(Tensor x_BTD, AttentionContext context, Tensor? places_N = null)
    {
        var mixed_BTD = Mix(x_BTD, context).view(x_BTD.shape[0], x_BTD.shape[1], -1);
        return Output.forward(places_N is null ? mixed_BTD : TransformerOps.SelectPlaces(mixed_BTD, places_N));
    }

    private Tensor Mix(Tensor x_BTD, AttentionContext context)
    {
        if (Fused is not null && context.Fused is { Positions_N: null } fused)
        {
            return AttendFused(x_BTD, fused);
        }

        var (queries_BTHE, keys_BTKE, values_BTKE) = QueriesKeysValues(x_BTD);
        queries_BTHE = TransformerOps.ApplyRotary(queries_BTHE, context);
        keys_BTKE = TransformerOps.ApplyRotary(keys_BTKE, context);
        return context.Cache is { } cache
            ? Continue(queries_BTHE, cache.Append(keys_BTKE, values_BTKE), context)
            : TransformerOps.Attention(queries_BTHE, keys_BTKE, values_BTKE, context, Scale, SlidingWindow);
    }

    /// <summary>Projected and normalized, before rotary positions.</summary>
    /// <param name="x_BTD">The normalized residual stream, any number of leading dimensions.</param>
    /// <returns>[…, H, E], [… K, E] and [… K, E].</returns>
    public (Tensor Queries, Tensor Keys, Tensor Values) QueriesKeysValues(Tensor x_BTD)
    {
        long[] leading = x_BTD.shape[..^1];
        if (Fused is not null)
        {
            var fused = Fused.forward(x_BTD);
            return FusedLayout == Transformer.FusedLayout.PerHead
                ? Parts(fused.view([.. leading, Heads, 3, HeadDim]), -2)
                : Parts(fused.view([.. leading, 3, Heads, HeadDim]), -3);
        }

        var queries = Query!.forward(x_BTD).view([.. leading, Heads, HeadDim]);
        var keys = Key!.forward(x_BTD).view([.. leading, KeyValueHeads, HeadDim]);
        var values = Value!.forward(x_BTD).view([.. leading, KeyValueHeads, HeadDim]);
        return (QueryNorm?.forward(queries) ?? queries, KeyNorm?.forward(keys) ?? keys, values);

        static (Tensor, Tensor, Tensor) Parts(Tensor fused, long dimension) =>
            (fused.select(dimension, 0), fused.select(dimension, 1), fused.select(dimension, 2));
    }

    /// <summary>Where nothing happens to queries and keys before attention, they need not be taken apart.</summary>
    private Tensor AttendFused(Tensor x_BTD, FusedAttentionContext fused)
    {
        var (batch, length) = (x_BTD.shape[0], x_BTD.shape[1]);
        var perHead = FusedLayout == Transformer.FusedLayout.PerHead;
        var qkv = Fused!.forward(x_BTD).view(perHead ? [batch, length, Heads, 3, HeadDim] : [batch, length, 3, Heads, HeadDim]);
        return FusedFunctions.Attention(
            qkv, perHead ? Packing.PerHead : Packing.Concatenated, fused.Sequences_BT, fused.Slopes_H, Scale, SlidingWindow);
    }

    private Tensor Continue(Tensor queries_BTHE, (Tensor Keys_BKLE, Tensor Values_BKLE) cached, AttentionContext context) =>
        TransformerOps.ScaledDotProduct(queries_BTHE, cached.Keys_BKLE, cached.Values_BKLE, Scale, context.Mask(SlidingWindow), context.AlibiBias);

    protected override void RegisterComponents()
    {
    }

    private T Add<T>(string name, T module)
        where T : nn.Module
    {
        register_module(name, module);
        return module;
    }
}
