// B episodes, T response columns.
using Trainer.Service.Algorithms.Common;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Ppo;

/// <summary>What a rollout becomes for learning: rewards, advantages and returns, with the masks that say which cells are real.</summary>
/// <param name="Scores_B">Scores after the missing-EOS rule [B].</param>
/// <param name="Kl_BT">Per-token KL estimates, 0 at padding [B, T].</param>
/// <param name="Rewards_BT">−β·KL unless that is in the loss, plus the score one column after EOS (trl_v0: in the last token's) [B, T].</param>
/// <param name="Values_BT">The rollout's values, 0 beyond the column after EOS [B, T].</param>
/// <param name="Advantages_BT">Whitened advantages, 0 at padding [B, T].</param>
/// <param name="Returns_BT">Returns, the critic's targets [B, T].</param>
/// <param name="Mask_BT">1 at response tokens [B, T].</param>
/// <param name="ValueMask_BT">1 at response tokens and the column after them (trl_v0: not there) [B, T].</param>
internal sealed record PpoExperience(
    Tensor Scores_B,
    Tensor Kl_BT,
    Tensor Rewards_BT,
    Tensor Values_BT,
    Tensor Advantages_BT,
    Tensor Returns_BT,
    Tensor Mask_BT,
    Tensor ValueMask_BT)
{
    /// <summary>Steps 5 to 9 of one update of the N+ reference (its <c>ppo.py</c>), in its order.</summary>
    /// <param name="lengths_B">Response lengths with EOS, int64 [B].</param>
    /// <param name="endsWithEos_B">1 where a response ends with EOS [B].</param>
    /// <param name="logprobs_BT">Log-probabilities of the response tokens under the policy; anything at padding [B, T].</param>
    /// <param name="refLogprobs_BT">The same under the reference [B, T].</param>
    /// <param name="values_BT">The critic's values; the value in column t is given before token t [B, T].</param>
    /// <param name="rewardModelScores_B">Scores of the responses [B].</param>
    /// <param name="klCoefficient">β.</param>
    /// <param name="config">Mode, γ, λ, estimator and reward whitening.</param>
    /// <param name="fullKl_BT">KL of the whole next-token distributions [B, T]; only where the estimator is full.</param>
    public static PpoExperience Create(
        Tensor lengths_B,
        Tensor endsWithEos_B,
        Tensor logprobs_BT,
        Tensor refLogprobs_BT,
        Tensor values_BT,
        Tensor rewardModelScores_B,
        double klCoefficient,
        PpoConfig config,
        Tensor? fullKl_BT = null)
    {
        var columns = logprobs_BT.shape[1];
        var type = logprobs_BT.dtype;
        var mask_BT = MaskedMath.UpTo(lengths_B - 1, columns, type);
        var afterEos = config.Mode != PpoMode.TrlV0;
        var valueMask_BT = afterEos ? MaskedMath.UpTo(lengths_B, columns, type) : mask_BT;

        // A response that does not end is worth a fixed score (N+) or its score less a penalty (TRL).
        var missing_B = 1.0 - endsWithEos_B;
        var scores_B = config.Mode == PpoMode.NPlus
            ? (rewardModelScores_B * endsWithEos_B) + (config.MissingEosScore * missing_B)
            : rewardModelScores_B - (config.MissingEosPenalty * missing_B);

        var kl_BT = (config.KlEstimator == KlEstimator.Full ? fullKl_BT! : KlEstimators.Estimate(logprobs_BT - refLogprobs_BT, config.KlEstimator)) * mask_BT;
        var maskedValues_BT = values_BT * valueMask_BT;

        // The score stands one column after EOS, or in the last column of a response that fills them all.
        var scoreColumn_B = afterEos ? lengths_B.clamp(max: columns - 1) : lengths_B - 1;
        var atScore_BT = arange(columns, int64).unsqueeze(0).eq(scoreColumn_B.unsqueeze(1)).to_type(type);
        var rewards_BT = (kl_BT * (config.UseKlLoss ? 0 : -klCoefficient)) + (atScore_BT * scores_B.unsqueeze(1));
        if (config.WhitenRewards)
        {
            rewards_BT = Whitening.Apply(rewards_BT, valueMask_BT, config.Variance, shiftMean: false);

            // TRL's old trainer forgot the mask here: what whitening makes of the zeros behind a response flows back into it.
            rewards_BT = afterEos ? rewards_BT * valueMask_BT : rewards_BT;
        }

        // Advantages are whitened after the returns were taken from them.
        var (advantages_BT, returns_BT) = Gae.Compute(rewards_BT, maskedValues_BT, config.Gamma, config.Lambda);
        var whitened_BT = Whitening.Apply(advantages_BT, mask_BT, config.Variance) * mask_BT;
        return new PpoExperience(scores_B, kl_BT, rewards_BT, maskedValues_BT, whitened_BT, returns_BT, mask_BT, valueMask_BT);
    }
}
