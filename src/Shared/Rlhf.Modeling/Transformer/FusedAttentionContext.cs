using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

// Legend: B batch, T tokens, N = B·T, H heads, P positions, R turned elements of one head

/// <summary>What the fused kernels are told about a forward pass, in the form they take.</summary>
/// <param name="Sequences_BT">int32; equal numbers see each other, 0 is padding; null: a row is one document, and causality hides all padding.</param>
/// <param name="Slopes_H">ALiBi's; null: none.</param>
/// <param name="Positions_N">int32, rows of the rotary tables; null without rotary positions.</param>
/// <param name="Cos_PR2">[P, R/2].</param>
/// <param name="Sin_PR2">[P, R/2].</param>
internal sealed record FusedAttentionContext(Tensor? Sequences_BT, Tensor? Slopes_H, Tensor? Positions_N, Tensor? Cos_PR2, Tensor? Sin_PR2)
{
    /// <summary>Prepares one forward pass; its tensors belong to the current dispose scope.</summary>
    public static FusedAttentionContext Create(AttentionInput input, DecoderStack stack)
    {
        var (batch, length) = (input.Shape[0], input.Shape[1]);
        var (mask, documents, places) = (input.KeyMask, input.Sequences, input.Positions);
        int[]? sequences = null;
        if (mask is not null || documents is not null)
        {
            sequences = new int[batch * length];
            for (var i = 0; i < sequences.Length; i++)
            {
                sequences[i] = (int)((documents?[i] ?? 1) * (mask?[i] ?? 1));
            }
        }

        var slopes = stack.AlibiSlopes is { } values ? tensor(values) : null;
        var sequences_BT = sequences is null ? null : tensor(sequences).view(batch, length);
        if (stack.Rotary is not { } rotary)
        {
            return new FusedAttentionContext(sequences_BT, slopes, null, null, null);
        }

        var positions = new int[batch * length];
        for (var i = 0; i < positions.Length; i++)
        {
            positions[i] = (int)(places?[i] ?? i % length);
        }

        var (cos, sin) = rotary.HalfTables(Math.Max(length, input.End), CPU);
        return new FusedAttentionContext(sequences_BT, slopes, tensor(positions), cos, sin);
    }
}
