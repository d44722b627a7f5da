// B rows, L columns, N labels, W width of the embeddings.
using Rlhf.Numerics;
using Rlhf.Training.Batching;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Sft;

/// <summary>Demonstrations as one rectangle, padded on the right; several in a row if they were packed.</summary>
/// <param name="InputIds_BL">Token ids, int64.</param>
/// <param name="SequenceIds_BL">
/// Which demonstration of its row a token is of, from 1, and 0 for padding: the model then attends within a demonstration and counts its
/// positions from 0. Null: no row has more than one.
/// </param>
/// <param name="LabelIds_N">The labels, row after row.</param>
/// <param name="PredictorIndex_N">Where in the flattened [B·L] states the predictor of each label lies.</param>
/// <param name="Noise_BLW">NEFTune's noise for the embeddings; null: none.</param>
internal sealed record SftBatch(Tensor InputIds_BL, Tensor? SequenceIds_BL, Tensor LabelIds_N, Tensor PredictorIndex_N, Tensor? Noise_BLW)
{
    /// <summary>Lays out one demonstration a row.</summary>
    public static SftBatch Padded(IReadOnlyList<SftExample> examples, int padId, NeftuneNoise? noise = null) =>
        Create(examples, [.. Enumerable.Range(0, examples.Count).Select(i => new[] { i })], padId, noise);

    /// <summary>Lays out as few rows of at most <paramref name="capacity"/> tokens as best fit decreasing finds.</summary>
    public static SftBatch Packed(IReadOnlyList<SftExample> examples, int capacity, int padId, NeftuneNoise? noise = null) =>
        Create(examples, BestFitDecreasing.Pack([.. examples.Select(e => e.Length)], capacity), padId, noise);

    private static SftBatch Create(IReadOnlyList<SftExample> examples, IReadOnlyList<int[]> rows, int padId, NeftuneNoise? noise)
    {
        var columns = rows.Max(row => row.Sum(i => examples[i].Length));
        var ids = new long[rows.Count * columns];
        var sequences = new long[ids.Length];
        Array.Fill(ids, padId);
        var (labels, predictors) = (new List<long>(), new List<long>());
        var values = noise is null ? null : new float[(long)ids.Length * noise.Width];
        for (var b = 0; b < rows.Count; b++)
        {
            var at = b * columns;
            for (var k = 0; k < rows[b].Length; k++)
            {
                var example = examples[rows[b][k]];
                Array.Fill(sequences, k + 1, at, example.Length);
                noise?.Fill(rows[b][k], values.AsSpan(at * noise.Width, example.Length * noise.Width));
                foreach (var token in example.Prompt)
                {
                    ids[at++] = token;
                }

                for (var t = 0; t < example.Completion.Length; t++, at++)
                {
                    ids[at] = example.Completion[t];
                    if (example.Labels?[t] ?? true)
                    {
                        labels.Add(ids[at]);
                        predictors.Add(at - 1);
                    }
                }
            }
        }

        return new SftBatch(
            tensor(ids, [rows.Count, columns]),
            rows.Any(row => row.Length > 1) ? tensor(sequences, [rows.Count, columns]) : null,
            tensor(labels.ToArray()),
            tensor(predictors.ToArray()),
            values is null ? null : tensor(values, [rows.Count, columns, noise!.Width]));
    }
}

/// <summary>
/// The noise of NEFTune (Jain et al. 2023, "NEFTune: Noisy Embeddings Improve Instruction Finetuning", algorithm 1): uniform in ±α / √(L·d),
/// where L is a demonstration's own length, so that neither padding nor packing changes it.
/// </summary>
/// <param name="Alpha">α.</param>
/// <param name="Seed">The run's seed.</param>
/// <param name="FirstDraw">The number, over the whole run, of the batch's first demonstration: each draw has a stream of its own.</param>
/// <param name="Width">d, the width of the embeddings.</param>
/// <param name="Stride">From one demonstration's number to the next one's: the number of processes that share a batch.</param>
internal sealed record NeftuneNoise(double Alpha, ulong Seed, ulong FirstDraw, int Width, int Stride = 1)
{
    private const ulong NoiseStream = 1UL << 57;

    /// <summary>Writes the noise of demonstration <paramref name="example"/> of the batch, L·d numbers.</summary>
    public void Fill(int example, Span<float> noise_LW)
    {
        var random = new Philox(Seed, NoiseStream + FirstDraw + ((ulong)example * (ulong)Stride));
        var magnitude = Alpha / Math.Sqrt(noise_LW.Length);
        for (var i = 0; i < noise_LW.Length; i++)
        {
            noise_LW[i] = (float)(magnitude * ((random.NextUInt32() * (2.0 / uint.MaxValue)) - 1));
        }
    }
}
