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

    /// <summary>
    /// It stays, and falls on half a cosine only over the last <see cref="LearningRateSchedule.DecaySteps"/> steps (Hu et al. 2024, MiniCPM;
    /// <c>warmup_stable_decay</c> of Hugging Face transformers).
    /// </summary>
    WarmupStableDecay,
}

/// <summary>The learning rate of each step: a linear warm-up from zero, then one of four shapes. Equals the schedules of Hugging Face transformers up to the last step; after it the rate stays, where their cosine rises again.</summary>
/// <param name="Kind">The shape after warm-up.</param>
/// <param name="BaseRate">The highest rate, reached when warm-up ends.</param>
/// <param name="TotalSteps">The number of steps at which a falling schedule ends.</param>
/// <param name="WarmupSteps">Steps of warm-up; step 0 of a warm-up has rate 0.</param>
/// <param name="MinimumRatio">For the cosines: what is left of the base rate at the end, in [0, 1].</param>
/// <param name="DecaySteps">For warm-up, stable, decay: the steps at the end over which it falls; null: a tenth of all steps, as MiniCPM does, at least one.</param>
public sealed record LearningRateSchedule(
    ScheduleKind Kind, double BaseRate, long TotalSteps, long WarmupSteps = 0, double MinimumRatio = 0, long? DecaySteps = null)
{
    /// <summary>The rate that step number <paramref name="step"/> (from 0) uses.</summary>
    public double At(long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        if (step < WarmupSteps)
        {
            return BaseRate * step / Math.Max(1, WarmupSteps);
        }

        var decay = Math.Min(DecaySteps ?? Math.Max(1, TotalSteps / 10), TotalSteps - WarmupSteps);
        var begin = Kind == ScheduleKind.WarmupStableDecay ? TotalSteps - decay : WarmupSteps;
        var progress = Math.Clamp((step - begin) / (double)Math.Max(1, TotalSteps - begin), 0, 1);
        return Kind switch
        {
            ScheduleKind.Constant => BaseRate,
            ScheduleKind.Linear => BaseRate * (1 - progress),
            ScheduleKind.Cosine or ScheduleKind.WarmupStableDecay =>
                BaseRate * (MinimumRatio + ((1 - MinimumRatio) * 0.5 * (1 + Math.Cos(Math.PI * progress)))),
            _ => throw new System.Diagnostics.UnreachableException($"Unknown schedule {Kind}."),
        };
    }
}
