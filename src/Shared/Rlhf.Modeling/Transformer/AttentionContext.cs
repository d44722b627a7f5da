using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

// Legend: B batch, T tokens, E elements of one head

/// <summary>
/// What all layers of one forward pass share: rotary factors and the additive mask, [T, T] or [B, 1, 1, T, T].
/// </summary>
internal sealed record AttentionContext(RotaryFactors Rotary, Tensor Mask)
{
    /// <summary>
    /// Added to a score that must not count: exp() of it is exactly 0 beside any real score, and unlike −∞ it leaves rows without
    /// any real key (padding) free of NaN.
    /// </summary>
    public const float Masked = -1e9f;

    /// <summary>Prepares one forward pass.</summary>
    /// <param name="inputIds_BT">Only its shape and device count.</param>
    /// <param name="attentionMask_BT">1 real, 0 padding; null: all real.</param>
    /// <param name="positionIds_BT">Null: counted over real tokens.</param>
    /// <param name="rotary">The model's rotary tables.</param>
    /// <param name="maxPositions">The longest text the model was made for.</param>
    public static AttentionContext Create(
        Tensor inputIds_BT, Tensor? attentionMask_BT, Tensor? positionIds_BT, RotaryTable rotary, int maxPositions)
    {
        var shape = inputIds_BT.shape;
        if (shape.Length != 2 || shape[0] < 1 || shape[1] < 1)
        {
            throw new ArgumentException($"inputIds must have shape [B, T] with B and T at least 1, found [{string.Join(", ", shape)}]");
        }

        var (batch, length) = (shape[0], shape[1]);
        CheckShape("attentionMask", attentionMask_BT, shape);
        CheckShape("positionIds", positionIds_BT, shape);
        CheckLength(length, maxPositions);
        var device = inputIds_BT.device;
        var mask = attentionMask_BT is null ? null : HostCopy(attentionMask_BT);
        var causal_TT = Causal(length, length, device);

        // Behind the last real token a causal mask already hides everything: padding on the right needs no mask of its own.
        var onlyRightPadding = mask is null || IsRightPadded(mask, length);
        var additive = onlyRightPadding
            ? causal_TT
            : minimum(causal_TT, ((attentionMask_BT!.to_type(ScalarType.Float32) - 1f) * -Masked).view(batch, 1, 1, 1, length));
        if (onlyRightPadding && positionIds_BT is null)
        {
            return new AttentionContext(rotary.ForLength(length, device), additive);
        }

        var positions = positionIds_BT is null ? PositionsOf(mask!, length) : HostCopy(positionIds_BT);
        var positions_BT = positionIds_BT ?? tensor(positions, [batch, length]).to(device);
        if (positions.Min() < 0)
        {
            throw new ArgumentException($"positionIds must not be negative, found {positions.Min()}");
        }

        var end = positions.Max() + 1;
        CheckLength(end, maxPositions);
        return new AttentionContext(rotary.ForPositions(positions_BT, end), additive);
    }

    /// <summary>The additive mask of queries at the last places of a text: 0 up to their own place, <see cref="Masked"/> behind it.</summary>
    /// <returns>[queries, keys].</returns>
    public static Tensor Causal(long queries, long keys, Device device) =>
        full([queries, keys], Masked, dtype: ScalarType.Float32, device: device).triu(1 + keys - queries);

    /// <summary>Places counted over real tokens; padding gets 1, as in the reference library.</summary>
    public static long[] PositionsOf(long[] mask, long length)
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

    private static bool IsRightPadded(long[] mask, long length)
    {
        for (var i = 1; i < mask.Length; i++)
        {
            if (i % length != 0 && mask[i] > mask[i - 1])
            {
                return false;
            }
        }

        return true;
    }

    private static long[] HostCopy(Tensor values)
    {
        using var scope = NewDisposeScope();
        return values.to_type(ScalarType.Int64).to(CPU).contiguous().data<long>().ToArray();
    }

    private static void CheckShape(string name, Tensor? tensor, long[] shape)
    {
        if (tensor is not null && !tensor.shape.SequenceEqual(shape))
        {
            throw new ArgumentException($"{name} has shape [{string.Join(", ", tensor.shape)}], inputIds [{string.Join(", ", shape)}]: they must agree");
        }
    }

    private static void CheckLength(long length, int maxPositions)
    {
        if (length > maxPositions)
        {
            throw new ArgumentException($"{length} positions are needed, but max_position_embeddings is {maxPositions}");
        }
    }
}
