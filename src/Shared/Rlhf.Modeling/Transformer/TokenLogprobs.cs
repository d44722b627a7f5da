using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

/// <summary>Log-probabilities of given tokens.</summary>
public static class TokenLogprobs
{
    /// <summary>log softmax(logits)[token] at every position.</summary>
    /// <param name="logits_BTV">Logits [B, T, V].</param>
    /// <param name="tokens_BT">Token ids, int64 [B, T].</param>
    /// <returns>[B, T].</returns>
    public static Tensor Select(Tensor logits_BTV, Tensor tokens_BT)
    {
        // The cross-entropy of a target is minus its log-probability, and its kernel makes no second [B, T, V] tensor.
        var negative = nn.functional.cross_entropy(
            logits_BTV.reshape(-1, logits_BTV.shape[^1]), tokens_BT.reshape(-1), reduction: nn.Reduction.None);
        return negative.neg().reshape(tokens_BT.shape);
    }

    /// <summary>The entropy of the next-token distribution at every position, nats.</summary>
    /// <param name="logits_BTV">Logits [B, T, V].</param>
    /// <returns>[B, T].</returns>
    public static Tensor Entropy(Tensor logits_BTV)
    {
        var logprobs_BTV = logits_BTV.log_softmax(-1);
        return (logprobs_BTV.exp() * logprobs_BTV).sum(-1).neg();
    }
}
