// B blocks, C context, N labels.
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Batching;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Pretraining;

/// <summary>Packed blocks and what is to be predicted in them.</summary>
/// <param name="InputIds_BC">Tokens, int64.</param>
/// <param name="SequenceIds_BC">Which document of its block a token is of; null: documents see each other.</param>
/// <param name="LabelIds_N">The next tokens, block after block.</param>
/// <param name="PredictorIndex_N">Where in the flattened [B·C] states the predictor of each label lies; null: every state predicts one.</param>
internal sealed record PretrainBatch(Tensor InputIds_BC, Tensor? SequenceIds_BC, Tensor LabelIds_N, Tensor? PredictorIndex_N)
{
    /// <summary>N.</summary>
    public long LabelTokens => LabelIds_N.shape[0];

    /// <summary>Takes the next blocks of the stream.</summary>
    /// <param name="packer">The stream, whose context is <paramref name="context"/>.</param>
    /// <param name="blocks">B.</param>
    /// <param name="context">C.</param>
    /// <param name="separate">Whether documents are kept apart: they do not see each other, and none predicts the next one's first token.</param>
    /// <exception cref="InvalidDataException">If nothing is to be predicted, as all documents of the batch are empty.</exception>
    public static PretrainBatch Next(DocumentPacker packer, int blocks, int context, bool separate)
    {
        var block = new long[context + 1];
        var (inputs, targets, sequences) = (new long[blocks * context], new long[blocks * context], new long[blocks * context]);
        var predictors = new List<long>(inputs.Length);
        for (var b = 0; b < blocks; b++)
        {
            var documents = sequences.AsSpan(b * context, context);
            packer.Next(block, documents);
            block.AsSpan(0, context).CopyTo(inputs.AsSpan(b * context));
            block.AsSpan(1).CopyTo(targets.AsSpan(b * context));
            for (var c = 0; c < context; c++)
            {
                if (c + 1 < context ? documents[c + 1] == documents[c] : packer.Offset > 0)
                {
                    predictors.Add((b * context) + c);
                }
            }
        }

        if (separate && predictors.Count == 0)
        {
            throw new InvalidDataException($"{blocks} blocks of {context} tokens hold nothing to predict: the documents are empty.");
        }

        var inputIds_BC = tensor(inputs, [blocks, context]);
        return separate
            ? new PretrainBatch(
                inputIds_BC, tensor(sequences, [blocks, context]), tensor(predictors.Select(p => targets[p]).ToArray()), tensor(predictors.ToArray()))
            : new PretrainBatch(inputIds_BC, null, tensor(targets), null);
    }
}

/// <summary>Next-token cross-entropy.</summary>
internal static class PretrainLoss
{
    /// <summary>Mean nats per label.</summary>
    public static Tensor Compute(CausalLanguageModel model, PretrainBatch batch)
    {
        var hidden = model.Hidden(batch.InputIds_BC, sequenceIds_BT: batch.SequenceIds_BC, places_N: batch.PredictorIndex_N);
        return model.Logprobs(hidden.reshape(-1, hidden.shape[^1]), batch.LabelIds_N).Logprobs_N.mean().neg();
    }
}
