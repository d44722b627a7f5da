using Rlhf.Torch.Extensions.Kernels;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

// Legend: B batch, T tokens, H heads

/// <summary>What all layers of one forward pass share: positions, and which places see which.</summary>
internal sealed class AttentionContext
{
    /// <summary>
    /// Added to a score that must not count: exp() of it is exactly 0 beside any real score, and unlike −∞ it leaves rows without
    /// any real key (padding) free of NaN.
    /// </summary>
    public const float Masked = -1e9f;

    private readonly List<(int? Window, Tensor? Mask)> _masks = [];

    private AttentionContext(AttentionInput input, DecoderStack stack, IKeyValueCache? cache)
    {
        var (batch, length) = (input.Shape[0], input.Shape[1]);
        Cache = cache;
        Positions_BT = OnDevice(input.Positions);
        if (cache is null && CpuKernels.Take(stack.TokenEmbedding.weight) && (stack.AlibiSlopes is null || input.Positions is null))
        {
            Fused = FusedAttentionContext.Create(input, stack);
            return;
        }

        KeyMask_BT = OnDevice(input.KeyMask);
        SequenceIds_BT = OnDevice(input.Sequences);
        Rotary = stack.Rotary is not { } table ? null
            : Positions_BT is null ? table.ForLength(length, input.Device)
            : table.ForPositions(Positions_BT, input.End);
        if (stack.AlibiSlopes is { } slopes)
        {
            AlibiSlopes = slopes;
            var keys = (Positions_BT ?? arange(length, dtype: ScalarType.Int64, device: input.Device).unsqueeze(0)).to_type(ScalarType.Float32);
            AlibiBias = keys.view(-1, 1, 1, 1, length) * tensor(slopes, [slopes.Length, 1, 1, 1]).to(input.Device);
        }

        foreach (var window in stack.Windows)
        {
            _masks.Add((window, NewMask(length, window, input.Device)));
        }

        Tensor? OnDevice(long[]? values) => values is null ? null : tensor(values, [batch, length]).to(input.Device);
    }

    private AttentionContext(DecoderStack stack, long[] positions, Device device, IKeyValueCache cache)
    {
        var visible = positions.Max() + 1;
        Cache = cache;
        Positions_BT = tensor(positions, [positions.Length, 1]).to(device);
        Rotary = stack.Rotary?.ForPositions(Positions_BT, visible);
        var keys_L = arange(visible, dtype: ScalarType.Int64, device: device);
        if (stack.AlibiSlopes is { } slopes)
        {
            AlibiSlopes = slopes;
            AlibiBias = keys_L.to_type(ScalarType.Float32) * tensor(slopes, [1, slopes.Length, 1, 1, 1]).to(device);
        }

        foreach (var window in stack.Windows)
        {
            _masks.Add((window, ContinuingMask(keys_L, visible, window, positions)));
        }
    }

    /// <summary>Keeps keys and values, and gives those of earlier passes; null: attention is among the tokens of this pass.</summary>
    public IKeyValueCache? Cache { get; }

    /// <summary>
    /// What the fused kernels need instead of masks and rotary factors, which are then absent; null where they do not take the model.
    /// </summary>
    public FusedAttentionContext? Fused { get; }

    /// <summary>The rotary tables of every place; null without rotary positions.</summary>
    public RotaryFactors? Rotary { get; }

    /// <summary>int64 [B, T]; null: 0 … T − 1 in every row.</summary>
    public Tensor? Positions_BT { get; }

    /// <summary>int64 [B, T], 0 for padding; null where causality hides all padding there is.</summary>
    public Tensor? KeyMask_BT { get; }

    /// <summary>int64 [B, T]: only places with equal numbers see each other; null: all of a row do.</summary>
    public Tensor? SequenceIds_BT { get; }

    /// <summary>One per head; null without ALiBi.</summary>
    public float[]? AlibiSlopes { get; }

    /// <summary>Slope times position of the key, [B or 1, H, 1, 1, T]; null without ALiBi.</summary>
    public Tensor? AlibiBias { get; }

    /// <summary>Prepares one forward pass.</summary>
    /// <param name="input">What the caller gave.</param>
    /// <param name="stack">Its rotary tables, ALiBi slopes and sliding windows.</param>
    /// <param name="config">Its number of positions.</param>
    /// <param name="cache">Keeps the keys and values of a new text; null: nothing does.</param>
    public static AttentionContext Create(AttentionInput input, DecoderStack stack, TransformerConfig config, IKeyValueCache? cache = null)
    {
        var needed = Math.Max(input.Shape[1], input.End);
        if (needed > config.MaxPositions)
        {
            throw new ArgumentException($"{needed} positions are needed, but max_position_embeddings is {config.MaxPositions}");
        }

        return new AttentionContext(input, stack, cache);
    }

    /// <summary>Prepares a pass that appends one token to each of several texts.</summary>
    /// <param name="stack">Its rotary tables, ALiBi slopes and sliding windows.</param>
    /// <param name="positions">The place of each row's token; the keys before it are in the cache at places 0 … position − 1.</param>
    /// <param name="device">The model's.</param>
    /// <param name="cache">Gives the keys and values of places 0 … largest position of every row.</param>
    public static AttentionContext Continuing(DecoderStack stack, long[] positions, Device device, IKeyValueCache cache) =>
        new(stack, positions, device, cache);

    /// <summary>The additive mask of layers with a window; 0 where a place sees another, <see cref="Masked"/> where not.</summary>
    /// <param name="window">One of the windows that the pass was prepared for.</param>
    /// <returns>[T, T] or [B, 1, 1, T, T]; null: every place sees all that there is.</returns>
    public Tensor? Mask(int? window) => _masks.Find(entry => entry.Window == window).Mask;

    /// <summary>The additive mask of queries at the last places of a text: 0 up to their own place, <see cref="Masked"/> behind it.</summary>
    /// <returns>[queries, keys].</returns>
    public static Tensor Causal(long queries, long keys, Device device) =>
        full([queries, keys], Masked, dtype: ScalarType.Float32, device: device).triu(1 + keys - queries);

    /// <summary>[B, 1, 1, 1, L]: a row sees what is not behind its own place, and not before its window.</summary>
    private Tensor? ContinuingMask(Tensor keys_L, long visible, int? window, long[] positions)
    {
        var windowed = window < visible;
        if (!windowed && positions.Min() == visible - 1)
        {
            return null;
        }

        var hidden_BL = keys_L.gt(Positions_BT!).to_type(ScalarType.Float32);
        if (windowed)
        {
            hidden_BL = maximum(hidden_BL, keys_L.le(Positions_BT! - window!.Value).to_type(ScalarType.Float32));
        }

        return (hidden_BL * Masked).view(-1, 1, 1, 1, visible);
    }

    private Tensor NewMask(long length, int? window, Device device)
    {
        var mask = Causal(length, length, device);
        if (window < length)
        {
            mask = mask.add_(full([length, length], Masked, dtype: ScalarType.Float32, device: device).tril(-window.Value));
        }

        if (KeyMask_BT is not null)
        {
            mask = minimum(mask, (KeyMask_BT.eq(0).to_type(ScalarType.Float32) * Masked).view(-1, 1, 1, 1, length));
        }

        if (SequenceIds_BT is not null)
        {
            var other_BTT = SequenceIds_BT.unsqueeze(2).ne(SequenceIds_BT.unsqueeze(1)).to_type(ScalarType.Float32);
            mask = minimum(mask, (other_BTT * Masked).view(-1, 1, 1, length, length));
        }

        return mask;
    }
}
