using Rlhf.Training.Optimization;

namespace Rlhf.Training.Hyperparameters;

/// <summary>The hyperparameters that every training method has.</summary>
public interface ITrainingHyperparameters : IHyperparameters
{
    /// <summary>Every random draw of the run comes from it.</summary>
    ulong Seed { get; }

    /// <summary>Rows of one forward and backward pass.</summary>
    int RowsOfAPass { get; }

    /// <summary>Shape of the learning rate after warm-up.</summary>
    ScheduleKind Schedule { get; }

    /// <summary>Steps at the end over which a schedule of <see cref="ScheduleKind.WarmupStableDecay"/> falls; null: a tenth of them.</summary>
    int? NumDecaySteps { get; }

    /// <summary>d of the <see cref="ExponentialMovingAverage"/> of the weights; 0 keeps none.</summary>
    double EmaDecay { get; }

    /// <summary>Whether activations are computed again in the backward pass instead of being held.</summary>
    bool GradientCheckpointing { get; }

    /// <summary>Whether products of matrices take bfloat16 factors where the hardware multiplies them faster.</summary>
    bool Bf16 { get; }
}

/// <summary>Checks of what every training method has.</summary>
public static class TrainingHyperparameters
{
    /// <summary>The faults of the common hyperparameters, in <see cref="IHyperparameters.Validate"/>'s form.</summary>
    public static IEnumerable<string> Faults(ITrainingHyperparameters hyperparameters)
    {
        ArgumentNullException.ThrowIfNull(hyperparameters);
        if (hyperparameters.EmaDecay is not (>= 0 and < 1))
        {
            yield return $"ema_decay is {hyperparameters.EmaDecay}; it must lie in [0, 1), 0 keeps no average.";
        }

        if (hyperparameters.NumDecaySteps is <= 0)
        {
            yield return $"num_decay_steps is {hyperparameters.NumDecaySteps}; it must be positive, or null for a tenth of all steps.";
        }
        else if (hyperparameters.NumDecaySteps is not null && hyperparameters.Schedule != ScheduleKind.WarmupStableDecay)
        {
            yield return $"num_decay_steps is {hyperparameters.NumDecaySteps}; it belongs to the schedule warmup_stable_decay.";
        }
    }
}
