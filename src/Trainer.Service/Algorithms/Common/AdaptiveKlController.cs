namespace Trainer.Service.Algorithms.Common;

/// <summary>
/// The KL coefficient that follows a target (Ziegler et al. 2019, section 2.2): β ← β·(1 + clip(KL/target − 1, ±0.2)·n/horizon).
/// </summary>
/// <param name="coefficient">β at the start.</param>
/// <param name="target">The wanted KL, nats: the batch mean of the sum over response tokens.</param>
/// <param name="horizon">Episodes over which β can move by a fifth.</param>
public sealed class AdaptiveKlController(double coefficient, double target, double horizon)
{
    private const double LargestError = 0.2;

    /// <summary>β now; set to continue a saved run.</summary>
    public double Coefficient { get; set; } = coefficient;

    /// <summary>Moves β after <paramref name="episodes"/> episodes whose mean KL was <paramref name="kl"/>.</summary>
    public void Update(double kl, int episodes)
    {
        var error = Math.Clamp((kl / target) - 1, -LargestError, LargestError);
        Coefficient *= 1 + (error * episodes / horizon);
    }
}
