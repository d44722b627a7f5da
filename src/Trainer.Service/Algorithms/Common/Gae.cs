using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Common;

/// <summary>Generalised advantage estimation (Schulman et al. 2016, equations 11 to 16).</summary>
public static class Gae
{
    /// <summary>
    /// δ_t = r_t + γ·V_{t+1} − V_t and A_t = δ_t + γλ·A_{t+1}, from the last column backwards; returns are A + V.
    /// </summary>
    /// <param name="rewards_BT">Rewards [B, T].</param>
    /// <param name="values_BT">Values [B, T].</param>
    /// <param name="gamma">γ, the discount.</param>
    /// <param name="lambda">λ, the trace decay.</param>
    /// <param name="bootstrap_B">V after the last column [B]; null for 0, where every row ends with its episode.</param>
    /// <param name="episodeEnds_BT">1 where an episode ends with a column, so that nothing flows back over it; null for nowhere.</param>
    /// <returns>Advantages and returns, both [B, T].</returns>
    public static GaeResult Compute(
        Tensor rewards_BT,
        Tensor values_BT,
        double gamma,
        double lambda,
        Tensor? bootstrap_B = null,
        Tensor? episodeEnds_BT = null)
    {
        var steps = (int)rewards_BT.shape[1];
        var advantages = new Tensor[steps];
        var nextValue_B = bootstrap_B ?? zeros_like(values_BT.select(1, 0));
        var nextAdvantage_B = zeros_like(nextValue_B);
        for (var t = steps - 1; t >= 0; t--)
        {
            if (episodeEnds_BT is not null)
            {
                var continues_B = 1.0 - episodeEnds_BT.select(1, t);
                nextValue_B = nextValue_B * continues_B;
                nextAdvantage_B = nextAdvantage_B * continues_B;
            }

            var value_B = values_BT.select(1, t);
            var delta_B = rewards_BT.select(1, t) + (gamma * nextValue_B) - value_B;
            nextAdvantage_B = delta_B + (gamma * lambda * nextAdvantage_B);
            advantages[t] = nextAdvantage_B;
            nextValue_B = value_B;
        }

        var advantages_BT = stack(advantages, 1);
        return new GaeResult(advantages_BT, advantages_BT + values_BT);
    }
}

/// <summary>Advantages and returns.</summary>
/// <param name="Advantages_BT">A [B, T], not whitened.</param>
/// <param name="Returns_BT">A + V [B, T], the critic's targets.</param>
public sealed record GaeResult(Tensor Advantages_BT, Tensor Returns_BT);
