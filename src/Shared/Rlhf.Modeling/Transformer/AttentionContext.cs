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

    private readonly List<(int? Window, Tensor Mask)> _masks = [];

    private AttentionContext(AttentionInput input, DecoderStack stack, IReadOnlyList<int?> windows)
    {
        var (batch, length) = (input.Shape[0], input.Shape[1]);
        Positions_BT = OnDevice(input.Positions);
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

        foreach (var window in windows)
        {
            _masks.Add((window, NewMask(length, window, input.Device)));
        }

        Tensor? OnDevice(long[]? values) => values is null ? null : tensor(values, [batch, length]).to(input.Device);
    }

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
    /// <param name="stack">Its rotary tables and ALiBi slopes.</param>
    /// <param name="config">Its number of positions.</param>
    /// <param name="windows">Every sliding window that a layer of the model has.</param>
    public static AttentionContext Create(AttentionInput input, DecoderStack stack, TransformerConfig config, IReadOnlyList<int?> windows)
    {
        var needed = Math.Max(input.Shape[1], input.End);
        if (needed > config.MaxPositions)
        {
            throw new ArgumentException($"{needed} positions are needed, but max_position_embeddings is {config.MaxPositions}");
        }

        return new AttentionContext(input, stack, windows);
    }

    /// <summary>The additive mask of layers with a window; 0 where a place sees another, <see cref="Masked"/> where not.</summary>
    /// <param name="window">One of the windows that the pass was prepared for.</param>
    /// <returns>[T, T] or [B, 1, 1, T, T].</returns>
    public Tensor Mask(int? window) => _masks.Find(entry => entry.Window == window).Mask;

    /// <summary>The additive mask of queries at the last places of a text: 0 up to their own place, <see cref="Masked"/> behind it.</summary>
    /// <returns>[queries, keys].</returns>
    public static Tensor Causal(long queries, long keys, Device device) =>
        full([queries, keys], Masked, dtype: ScalarType.Float32, device: device).triu(1 + keys - queries);

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
