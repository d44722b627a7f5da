using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Training.Batching;

/// <summary>
/// Prompts with their responses as one right-padded rectangle, plus the indices that pick what belongs to the responses.
/// B rows, L columns of the rectangle, T response columns, C = B·T cells, N real response tokens of all rows in order.
/// </summary>
/// <remarks>A response token in column c is predicted by the hidden state in column c − 1, so only those N states need the language-model head.</remarks>
public sealed record PromptResponseBatch
{
    /// <summary>Prompt, response, padding: int64 [B, L].</summary>
    public required Tensor InputIds_BL { get; init; }

    /// <summary>The response tokens, row after row: int64 [N].</summary>
    public required Tensor ResponseIds_N { get; init; }

    /// <summary>Where in the flattened [B·L] states the predictor of each response token lies: int64 [N].</summary>
    public required Tensor PredictorIndex_N { get; init; }

    /// <summary>For each cell of [B, T] the number of its token in [N], or N where the row has none: int64 [B·T].</summary>
    public required Tensor CellToken_BT { get; init; }

    /// <summary>For each cell where in the flattened [B·L] states its predictor lies, at most the row's last real one: int64 [C].</summary>
    public required Tensor CellPlace_C { get; init; }

    /// <summary>For each response token the number of its cell: int64 [N].</summary>
    public required Tensor TokenCell_N { get; init; }

    /// <summary>Response lengths: int64 [B].</summary>
    public required Tensor ResponseLengths_B { get; init; }

    /// <summary>B.</summary>
    public required int Rows { get; init; }

    /// <summary>T.</summary>
    public required int ResponseColumns { get; init; }

    /// <summary>N.</summary>
    public int ResponseTokens => (int)ResponseIds_N.shape[0];

    /// <summary>Lays out the batch.</summary>
    /// <param name="prompts">Prompt tokens, none empty: the first response token needs a predictor.</param>
    /// <param name="responses">Response tokens, as many rows, none empty.</param>
    /// <param name="padId">What fills the rectangle; any valid token id.</param>
    /// <param name="width">L; null for the longest row's length.</param>
    /// <param name="responseColumns">T; null for the longest response's length.</param>
    public static PromptResponseBatch Create(
        IReadOnlyList<int[]> prompts,
        IReadOnlyList<int[]> responses,
        int padId,
        int? width = null,
        int? responseColumns = null)
    {
        if (prompts.Count != responses.Count || prompts.Any(p => p.Length == 0) || responses.Any(r => r.Length == 0))
        {
            throw new ArgumentException("Every prompt needs one response, and neither may be empty.", nameof(prompts));
        }

        var rows = prompts.Select((p, b) => (int[])[.. p, .. responses[b]]).ToArray();
        var columns = responseColumns ?? responses.Max(r => r.Length);
        var batch = PaddedBatch.Right(rows, padId, width);
        var l = (int)batch.InputIds_BT.shape[1];
        var tokens = responses.Sum(r => r.Length);
        var ids = new long[tokens];
        var predictors = new long[tokens];
        var cells = new long[rows.Length * columns];
        var places = new long[rows.Length * columns];
        var tokenCells = new long[tokens];
        Array.Fill(cells, tokens);
        var n = 0;
        for (var b = 0; b < rows.Length; b++)
        {
            if (responses[b].Length > columns)
            {
                throw new ArgumentException($"A response of {responses[b].Length} tokens does not fit {columns} columns.", nameof(responseColumns));
            }

            for (var t = 0; t < columns; t++)
            {
                var cell = (b * columns) + t;
                places[cell] = (b * (long)l) + Math.Min(prompts[b].Length - 1 + t, rows[b].Length - 1);
                if (t < responses[b].Length)
                {
                    ids[n] = responses[b][t];
                    predictors[n] = places[cell];
                    tokenCells[n] = cell;
                    cells[cell] = n++;
                }
            }
        }

        return new PromptResponseBatch
        {
            InputIds_BL = batch.InputIds_BT,
            ResponseIds_N = tensor(ids),
            PredictorIndex_N = tensor(predictors),
            CellToken_BT = tensor(cells),
            CellPlace_C = tensor(places),
            TokenCell_N = tensor(tokenCells),
            ResponseLengths_B = tensor(responses.Select(r => (long)r.Length).ToArray()),
            Rows = rows.Length,
            ResponseColumns = columns,
        };
    }

    /// <summary>Puts one number per response token into its cell; cells without a token are 0.</summary>
    /// <param name="values_N">[N].</param>
    /// <returns>[B, T].</returns>
    public Tensor ToCells(Tensor values_N) =>
        cat([values_N, zeros(1, dtype: values_N.dtype)]).index_select(0, CellToken_BT).reshape(Rows, ResponseColumns);
}
