namespace Rlhf.Training.Optimization;

/// <summary>How the learning rate moves after its warm-up.</summary>
public enum ScheduleKind
{
    /// <summary>It stays.</summary>
    Constant,

    /// <summary>It falls on a line to zero at the last step.</summary>
    Linear,

    /// <summary>It falls on half a cosine (Loshchilov and Hutter 2017) to <see cref="LearningRateSchedule.MinimumRatio"/> of the base rate.</summary>
    Cosine,
}

/// <summary>The learning rate of each step: a linear warm-up from zero, then one of three shapes. Equals the schedules of Hugging Face transformers up to the last step; after it the rate stays, where their cosine rises again.</summary>
/// <param name="Kind">The shape after warm-up.</param>
/// <param name="BaseRate">The highest rate, reached when warm-up ends.</param>
/// <param name="TotalSteps">The number of steps at which a falling schedule ends.</param>
/// <param name="WarmupSteps">Steps of warm-up; step 0 of a warm-up has rate 0.</param>
/// <param name="MinimumRatio">For the cosine: what is left of the base rate at the end, in [0, 1].</param>
public sealed record LearningRateSchedule(ScheduleKind Kind, double BaseRate, long TotalSteps, long WarmupSteps = 0, double MinimumRatio = 0)
{
    /// <summary>The rate that step number <paramref name="step"/> (from 0) uses.</summary>
    public double At(long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        if (step < WarmupSteps)
        {
            return BaseRate * step / Math.Max(1, WarmupSteps);
        }

        var progress = Math.Min(1.0, (step - WarmupSteps) / (double)Math.Max(1, TotalSteps - WarmupSteps));
        return Kind switch
        {
            ScheduleKind.Constant => BaseRate,
            ScheduleKind.Linear => BaseRate * (1 - progress),
            ScheduleKind.Cosine => BaseRate * (MinimumRatio + ((1 - MinimumRatio) * 0.5 * (1 + Math.Cos(Math.PI * progress)))),
            _ => throw new System.Diagnostics.UnreachableException($"Unknown schedule {Kind}."),
        };
    }
}
