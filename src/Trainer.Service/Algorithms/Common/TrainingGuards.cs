using System.Globalization;

namespace Trainer.Service.Algorithms.Common;

/// <summary>The run's invariants. Each names what was seen, the limit and what usually breaks it.</summary>
internal static class TrainingGuards
{
    /// <summary>Before the first step of an update the policy is the one that made the rollout: ρ = 1.</summary>
    public static void RequireUnitRatio(double ratioError, double tolerance, int update)
    {
        // Written so that NaN trips it too.
        if (!(ratioError <= tolerance))
        {
            throw new TrainingGuardException(string.Create(
                CultureInfo.InvariantCulture,
                $"In update {update} the probability ratio of the first minibatch is off 1 by {ratioError:g3}; at most {tolerance:g3} (ratio_tolerance) is rounding. The policy that is trained is not the one that made the rollout: weights, padding, temperature or dropout differ between the two passes."));
        }
    }

    /// <summary>Before the first update the reference is a copy of the policy: KL = 0.</summary>
    public static void RequireNoInitialKl(double largestLogRatio, double tolerance)
    {
        if (!(largestLogRatio <= tolerance))
        {
            throw new TrainingGuardException(string.Create(
                CultureInfo.InvariantCulture,
                $"Before the first update policy and reference differ by up to {largestLogRatio:g3} nats on a token; at most {tolerance:g3} (ratio_tolerance) is rounding. The reference is a copy of the starting policy, so the policy was changed after the trainer was made."));
        }
    }

    /// <summary>A loss, norm or score that is not finite has already spoilt the weights or will.</summary>
    public static void RequireFinite(double value, string name, int update)
    {
        if (!double.IsFinite(value))
        {
            throw new TrainingGuardException(string.Create(
                CultureInfo.InvariantCulture,
                $"In update {update} {name} is {value}. Lower learning_rate, or look at the scores of this update."));
        }
    }
}
