// K completions of a ranking.
using TorchSharp;
using static TorchSharp.torch;

namespace RewardModel.Service.Training;

/// <summary>
/// The probability of a whole order (Plackett 1975; Luce 1959): the best is drawn among all with probability softmax(scores), the next
/// among those that remain, and so on.
/// </summary>
public static class PlackettLuceLoss
{
    /// <summary>−log P(order) = Σᵢ (log Σ_{j ≥ i} e^{sⱼ} − sᵢ).</summary>
    /// <param name="scores_K">Scores from the best completion to the worst [K].</param>
    public static Tensor Compute(Tensor scores_K)
    {
        ArgumentNullException.ThrowIfNull(scores_K);
        var count = (int)scores_K.shape[0];

        // The last draw is certain.
        var remaining = Enumerable.Range(0, count - 1).Select(i => scores_K.narrow(0, i, count - i).logsumexp(0));
        return stack([.. remaining]).sum() - scores_K.narrow(0, 0, count - 1).sum();
    }
}
