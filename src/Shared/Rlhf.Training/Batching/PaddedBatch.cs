using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Training.Batching;

/// <summary>Rows of tokens of unequal length as one rectangle, padded on the right.</summary>
/// <remarks>
/// With padding on the right a causal model's outputs at real tokens do not depend on it, so training passes no attention mask
/// and takes the fast attention kernel. B batch, T tokens of the longest row.
/// </remarks>
/// <param name="InputIds_BT">Token ids, int64 [B, T].</param>
/// <param name="Lengths">Real tokens of each row.</param>
public sealed record PaddedBatch(Tensor InputIds_BT, IReadOnlyList<int> Lengths)
{
    /// <summary>Pads rows on the right to the longest, or to <paramref name="width"/>.</summary>
    /// <param name="rows">The token rows, none empty.</param>
    /// <param name="padId">What stands after the end of a row; any valid token id.</param>
    /// <param name="width">The width; null for the longest row's.</param>
    public static PaddedBatch Right(IReadOnlyList<int[]> rows, int padId, int? width = null)
    {
        if (rows.Count == 0 || rows.Any(r => r.Length == 0))
        {
            throw new ArgumentException("A batch needs at least one row, and every row at least one token.", nameof(rows));
        }

        var longest = rows.Max(r => r.Length);
        var columns = width ?? longest;
        if (columns < longest)
        {
            throw new ArgumentException($"A row of {longest} tokens does not fit a width of {columns}.", nameof(width));
        }

        var ids = new long[rows.Count * columns];
        Array.Fill(ids, padId);
        for (var b = 0; b < rows.Count; b++)
        {
            for (var t = 0; t < rows[b].Length; t++)
            {
                ids[(b * columns) + t] = rows[b][t];
            }
        }

        return new PaddedBatch(tensor(ids, [rows.Count, columns]), [.. rows.Select(r => r.Length)]);
    }

    /// <summary>The attention mask, int64 [B, T], 1 at real tokens.</summary>
    public Tensor AttentionMask_BT()
    {
        var columns = (int)InputIds_BT.shape[1];
        var mask = new long[Lengths.Count * columns];
        for (var b = 0; b < Lengths.Count; b++)
        {
            Array.Fill(mask, 1, b * columns, Lengths[b]);
        }

        return tensor(mask, [Lengths.Count, columns]);
    }

    /// <summary>Where in the flattened [B · T] each row's last real token lies, int64 [B].</summary>
    public Tensor LastPlace_B() => tensor(Lengths.Select((n, b) => (b * InputIds_BT.shape[1]) + n - 1).ToArray());
}
