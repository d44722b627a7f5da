using System.Globalization;

namespace Trainer.Service.Algorithms.Preference;

/// <summary>Signs that a preference run goes wrong although its loss falls.</summary>
internal static class PreferenceGuards
{
    // A tenth of the starting log-probability, and at least a nat: rounding and the noise of small batches stay below.
    private const double RelativeFall = 0.1;

    /// <summary>
    /// Warns when the log-probability of the chosen completions has fallen well below its start: both completions become unlikely, the
    /// rejected one faster (Pal et al. 2024, Razin et al. 2024).
    /// </summary>
    public static bool WarnOfFallingChosen(double first, double now, int step, Action<string>? warn)
    {
        var falling = now < first - Math.Max(1, Math.Abs(first) * RelativeFall);
        if (falling)
        {
            warn?.Invoke(string.Create(
                CultureInfo.InvariantCulture,
                $"At step {step} the mean log-probability of the chosen completions is {now:f1}; it began at {first:f1}. The margin grows only because the rejected ones fall faster. Add \"sft\" to loss_type, raise beta, or lower learning_rate."));
        }

        return falling;
    }
}
