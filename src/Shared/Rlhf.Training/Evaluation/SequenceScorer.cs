using Rlhf.Modeling.Heads;
using Rlhf.Training.Batching;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Training.Evaluation;

/// <summary>Scores whole token sequences with a reward model.</summary>
public static class SequenceScorer
{
    /// <summary>The scores of sequences, in their order. Runs in batches of similar length, without gradients.</summary>
    /// <param name="model">The reward model.</param>
    /// <param name="sequences">Prompt and completion tokens, none empty.</param>
    /// <param name="padId">What fills a batch; any valid token id.</param>
    /// <param name="batchSize">Sequences of one forward pass.</param>
    public static float[] Score(ScalarHeadModel model, IReadOnlyList<int[]> sequences, int padId, int batchSize = 64)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        var scores = new float[sequences.Count];
        using var noGrad = no_grad();
        foreach (var rows in Enumerable.Range(0, sequences.Count).OrderBy(i => sequences[i].Length).Chunk(batchSize))
        {
            using var scope = NewDisposeScope();
            var batchScores = Score(model, PaddedBatch.Right([.. rows.Select(i => sequences[i])], padId)).data<float>().ToArray();
            for (var r = 0; r < rows.Length; r++)
            {
                scores[rows[r]] = batchScores[r];
            }
        }

        return scores;
    }

    /// <summary>
    /// The scores of sequences, in their order, with gradient where gradients are on. The batch is passed in parts of similar length, so
    /// that little of the work is padding.
    /// </summary>
    /// <param name="model">The reward model.</param>
    /// <param name="sequences">Prompt and completion tokens, none empty.</param>
    /// <param name="padId">What fills a part; any valid token id.</param>
    /// <param name="partSize">Sequences of one forward pass.</param>
    /// <returns>[B].</returns>
    public static Tensor ScoreWithGradient(ScalarHeadModel model, IReadOnlyList<int[]> sequences, int padId, int partSize = 8)
    {
        var order = Enumerable.Range(0, sequences.Count).OrderBy(i => sequences[i].Length).ToArray();
        var sorted = cat([.. order.Chunk(partSize).Select(rows => Score(model, PaddedBatch.Right([.. rows.Select(i => sequences[i])], padId)))]);
        var place = new long[order.Length];
        for (var i = 0; i < order.Length; i++)
        {
            place[order[i]] = i;
        }

        return sorted.index_select(0, tensor(place));
    }

    /// <summary>The scores of a right-padded batch, with gradient where gradients are on: the value at each row's last token less the model's bias.</summary>
    /// <returns>[B].</returns>
    public static Tensor Score(ScalarHeadModel model, PaddedBatch batch) =>
        model.Values(batch.InputIds_BT, null, batch.LastPlace_B()) - model.ScoreBias;
}
