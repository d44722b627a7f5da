using Rlhf.Modeling.Transformer;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Rlhf.Modeling.Generation;

// Legend: B batch, T tokens, N = B·T, D model, V vocabulary, K key/value heads, G query heads per key/value head, E elements of one head,
// L places in the cache, I intermediate

/// <summary>
/// The model arranged for generation: keys and values of all earlier places are kept, q, k and v are one matrix, gate and up another,
/// and the weights of the norms before them are multiplied in. The numbers are those of <see cref="CausalLanguageModel"/> up to rounding.
/// It copies the weights, so it lives for one batch; its tensors belong to the dispose scope it was made in.
/// </summary>
internal sealed class CachedDecoder
{
    private readonly TransformerConfig _config;
    private readonly CausalLanguageModel _model;
    private readonly LayerState[] _layers;
    private readonly Device _device;
    private Tensor? _keyMask;
    private long _rows;
    private long _length;

    /// <summary>Room for <paramref name="rows"/> texts of at most <paramref name="capacity"/> places.</summary>
    public CachedDecoder(CausalLanguageModel model, long rows, long capacity)
    {
        _model = model;
        _config = model.Config;
        _device = model.OutputWeight.device;
        if (_config.ModelType is not ("llama" or "mistral" or "qwen2") || model.Body.Layers.Any(layer => layer.Attention.SlidingWindow is not null))
        {
            throw new NotSupportedException($"generation with model_type {_config.ModelType} and sliding_window {_config.SlidingWindow} is not supported");
        }

        _rows = rows;
        _layers = [.. model.Body.Layers.Select(layer => Fuse(layer, rows, capacity))];
    }

    /// <summary>Reads the prompts, padded on the left to one length.</summary>
    /// <param name="ids">[B · T], row by row.</param>
    /// <param name="mask">[B · T], 1 for real tokens.</param>
    /// <returns>Logits of the next token, [B · V] in host memory.</returns>
    public float[] Prefill(long[] ids, long[] mask)
    {
        var length = ids.Length / _rows;
        using var scope = NewDisposeScope();
        var attention = AttentionContext.Causal(length, length, _device);
        if (mask.Contains(0))
        {
            var capacity = _layers[0].Keys.shape[2];
            var keyMask = new float[_rows * capacity];
            for (var i = 0; i < mask.Length; i++)
            {
                keyMask[(i / length * capacity) + (i % length)] = mask[i] == 0 ? AttentionContext.Masked : 0f;
            }

            _keyMask = tensor(keyMask, [_rows, 1, 1, 1, capacity]).to(_device).MoveToOuterDisposeScope();
            attention = minimum(attention, _keyMask.narrow(4, 0, length));
        }

        return Forward(ids, PositionsOf(mask, length), attention);
    }

    /// <summary>Appends one token to every row.</summary>
    /// <param name="ids">[B].</param>
    /// <param name="positions">[B], counted over each row's real tokens.</param>
    /// <returns>Logits of the next token, [B · V] in host memory.</returns>
    public float[] Step(long[] ids, long[] positions)
    {
        using var scope = NewDisposeScope();
        return Forward(ids, positions, _keyMask?.narrow(4, 0, _length + 1));
    }

    /// <summary>Keeps only some rows, in the given order.</summary>
    public void KeepRows(long[] rows)
    {
        using var scope = NewDisposeScope();
        var index = tensor(rows).to(_device);
        _rows = rows.Length;
        foreach (var layer in _layers)
        {
            layer.Keys = Selected(layer.Keys, index);
            layer.Values = Selected(layer.Values, index);
        }

        _keyMask = _keyMask is null ? null : Selected(_keyMask, index);
    }

    /// <summary>Places counted over real tokens; padding gets 1, as in the reference library.</summary>
    private static long[] PositionsOf(long[] mask, long length)
    {
        var positions = new long[mask.Length];
        for (var row = 0L; row < mask.Length; row += length)
        {
            var next = 0L;
            for (var i = row; i < row + length; i++)
            {
                positions[i] = mask[i] != 0 ? next++ : 1;
            }
        }

        return positions;
    }

    private static Tensor Selected(Tensor tensor, Tensor rows)
    {
        var selected = tensor.index_select(0, rows).MoveToOuterDisposeScope();
        tensor.Dispose();
        return selected;
    }

    private LayerState Fuse(DecoderLayer layer, long rows, long capacity)
    {
        var attention = layer.Attention;
        var feedForward = layer.FeedForward;
        using var scope = NewDisposeScope();
        long[] cacheShape = [rows, _config.NumKeyValueHeads, capacity, _config.HeadDim];
        var state = new LayerState
        {
            QueryKeyValue = cat([attention.Query!.weight, attention.Key!.weight, attention.Value!.weight]) * layer.InputNorm.weight!,
            QueryKeyValueBias = attention.Query.bias is null ? null : cat([attention.Query.bias, attention.Key.bias!, attention.Value.bias!]),
            Output = attention.Output,
            GateUp = cat([feedForward.Gate!.weight, feedForward.Up.weight]) * layer.PostAttentionNorm!.weight!,
            GateUpBias = _config.MlpBias ? cat([feedForward.Gate.bias!, feedForward.Up.bias!]) : null,
            Down = feedForward.Down,
            Keys = empty(cacheShape, dtype: _model.OutputWeight.dtype, device: _device),
            Values = empty(cacheShape, dtype: _model.OutputWeight.dtype, device: _device),
        };
        foreach (var tensor in (Tensor?[])[
            state.QueryKeyValue, state.QueryKeyValueBias, state.GateUp, state.GateUpBias, state.Keys, state.Values])
        {
            tensor?.MoveToOuterDisposeScope();
        }

        return state;
    }

    private float[] Forward(long[] ids, long[] positions, Tensor? mask)
    {
        var length = ids.Length / _rows;
        var x_ND = _model.Body.TokenEmbedding.forward(tensor(ids).to(_device));
        var rotary = _model.Body.Rotary!.ForPositions(tensor(positions).to(_device), positions.Max() + 1);
        foreach (var layer in _layers)
        {
            x_ND = Layer(layer, x_ND, length, rotary, mask);
        }

        _length += length;
        var last_BD = length == 1 ? x_ND : x_ND.view(_rows, length, -1).select(1, length - 1);
        var logits_BV = _model.Logits(_model.Body.FinalNorm!.forward(last_BD));
        return logits_BV.to_type(ScalarType.Float32).to(CPU).contiguous().data<float>().ToArray();
    }

    private Tensor Layer(LayerState layer, Tensor x_ND, long length, RotaryFactors rotary, Tensor? mask)
    {
        using var scope = NewDisposeScope();
        var (heads, keyHeads, headDim) = (_config.NumAttentionHeads, _config.NumKeyValueHeads, _config.HeadDim);
        var qkv = F.linear(TransformerOps.RmsNorm(x_ND, null, _config.RmsNormEps), layer.QueryKeyValue, layer.QueryKeyValueBias)
            .view(x_ND.shape[0], heads + (2 * keyHeads), headDim);
        var queries = TransformerOps.ApplyRotary(qkv.narrow(1, 0, heads), rotary);
        Append(layer.Keys, TransformerOps.ApplyRotary(qkv.narrow(1, heads, keyHeads), rotary));
        Append(layer.Values, qkv.narrow(1, heads + keyHeads, keyHeads));
        var places = _length + length;
        var mixed = TransformerOps.ScaledDotProduct(
            queries.view(_rows, length, heads, headDim), layer.Keys.narrow(2, 0, places), layer.Values.narrow(2, 0, places), _config.AttentionScaleOf(0), mask);
        var y_ND = x_ND + layer.Output.forward(mixed.view(x_ND.shape[0], -1));
        var gateUp = F.linear(TransformerOps.RmsNorm(y_ND, null, _config.RmsNormEps), layer.GateUp, layer.GateUpBias);
        var gated = F.silu(gateUp.narrow(1, 0, _config.IntermediateSize)).mul_(gateUp.narrow(1, _config.IntermediateSize, _config.IntermediateSize));
        return y_ND.add_(layer.Down.forward(gated)).MoveToOuterDisposeScope();

        void Append(Tensor cache_BKLE, Tensor entries_NKE) => cache_BKLE.narrow(2, _length, length)
            .copy_(entries_NKE.view(_rows, length, keyHeads, headDim).transpose(1, 2));
    }

    /// <summary>Fused weights of one layer, its cache [B, K, capacity, E], and the model's own output projections.</summary>
    private sealed class LayerState
    {
        public required Tensor QueryKeyValue { get; init; }

        public required Tensor? QueryKeyValueBias { get; init; }

        public required Projection Output { get; init; }

        public required Tensor GateUp { get; init; }

        public required Tensor? GateUpBias { get; init; }

        public required Projection Down { get; init; }

        public required Tensor Keys { get; set; }

        public required Tensor Values { get; set; }
    }
}
