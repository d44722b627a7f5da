// N labels.
using Rlhf.Modeling.Transformer;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Sft;

/// <summary>Cross-entropy on label tokens; prompts and padding are no labels.</summary>
internal static class SftLoss
{
    /// <summary>
    /// Σ −log π(token) / <paramref name="labelTokens"/>. Dividing a micro-batch by the whole batch's label count makes the sum over
    /// micro-batches the batch's mean, whatever their lengths.
    /// </summary>
    /// <param name="model">The policy.</param>
    /// <param name="batch">The demonstrations; only the N states that predict a label go through the head.</param>
    /// <param name="labelTokens">Labels of the whole batch.</param>
    public static Tensor Compute(CausalLanguageModel model, SftBatch batch, int labelTokens)
    {
        var predictors_ND = model.Hidden(
            batch.InputIds_BL, sequenceIds_BT: batch.SequenceIds_BL, embeddingNoise_BTW: batch.Noise_BLW, places_N: batch.PredictorIndex_N);
        return model.Logprobs(predictors_ND, batch.LabelIds_N).Logprobs_N.sum() / (double)-labelTokens;
    }
}
