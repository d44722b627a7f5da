// N completion tokens.
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Batching;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Sft;

/// <summary>Cross-entropy on completion tokens; prompts and padding are no labels.</summary>
internal static class SftLoss
{
    /// <summary>
    /// Σ −log π(token) / <paramref name="labelTokens"/>. Dividing a micro-batch by the whole batch's label count makes the sum over
    /// micro-batches the batch's mean, whatever their lengths.
    /// </summary>
    /// <param name="model">The policy.</param>
    /// <param name="batch">Prompts and completions; only the N states that predict a completion token go through the head.</param>
    /// <param name="labelTokens">Completion tokens of the whole batch.</param>
    public static Tensor Compute(CausalLanguageModel model, PromptResponseBatch batch, int labelTokens)
    {
        var (logprobs_N, _) = model.Logprobs(batch.SelectPredictors(model.Hidden(batch.InputIds_BL)), batch.ResponseIds_N);
        return logprobs_N.sum() / (double)-labelTokens;
    }
}
