using System.Globalization;
using Rlhf.Training.Metrics;

namespace Trainer.Service.Algorithms.Common;

/// <summary>
/// Signs that an online run goes wrong although nothing fails: each is a condition on the reports so far, so a resumed run sees the same.
/// Its name stands at the beginning of the message.
/// </summary>
/// <param name="action">What happens.</param>
/// <param name="warn">Told what is seen.</param>
internal sealed class HealthGuards(GuardAction action, Action<string>? warn)
{
    // TRL warns at this KL, summed over a response: a k1 estimate is negative by chance, but not by a nat.
    private const double NegativeKl = -1;

    // Over so many updates a mean is no accident of one batch.
    private const int Window = 5;
    private const double EosFall = 0.2;
    private const double LengthCorrelation = 0.5;
    private const double LengthGrowth = 1.2;
    private const double LargestClipFraction = 0.3;

    // A critic that begins with a reward model's values needs some updates before its explained variance means anything.
    private const int CriticWarmup = 10;

    private static readonly Func<IReadOnlyList<TrainingProgress>, string?>[] Conditions =
        [KlIsNegative, EosRateFalls, RewardFollowsLength, ClipFractionIsLarge, CriticExplainsNothing, HeldOutScoreFalls];

    /// <summary>Looks at the reports of a run, the newest last.</summary>
    /// <exception cref="TrainingGuardException">If something is wrong and the action is to stop.</exception>
    public void Watch(IReadOnlyList<TrainingProgress> history)
    {
        if (action == GuardAction.Off)
        {
            return;
        }

        var before = history.Take(history.Count - 1).ToArray();
        foreach (var condition in Conditions)
        {
            if (condition(history) is not { } message || (action == GuardAction.Warn && condition(before) is not null))
            {
                continue;
            }

            message = string.Create(CultureInfo.InvariantCulture, $"update {history[^1].Step}: {message}");
            if (action == GuardAction.Stop)
            {
                throw new TrainingGuardException(message);
            }

            warn?.Invoke(message);
        }
    }

    private static string? KlIsNegative(IReadOnlyList<TrainingProgress> history) =>
        Last(history, MetricNames.Kl) is { } kl && kl < NegativeKl
            ? Text($"negative KL: objective/kl is {kl:f2}. An estimate over samples of the policy itself is not below 0 by so much: samples come from a truncated distribution (top-k, top-p, suppressed tokens), or old and new log-probabilities differ in temperature.")
            : null;

    private static string? EosRateFalls(IReadOnlyList<TrainingProgress> history)
    {
        if (history.Count < 2 * Window || Means(history, MetricNames.EosRate) is not var (start, now) || now > start - EosFall)
        {
            return null;
        }

        return Text($"EOS rate: {now:p0} of the responses end by themselves, {start:p0} did at the start. Raise missing_eos_penalty or max_new_tokens, or look whether the score likes long answers.");
    }

    private static string? RewardFollowsLength(IReadOnlyList<TrainingProgress> history)
    {
        if (history.Count < 2 * Window
            || Means(history, MetricNames.LengthRewardCorrelation) is not var (_, correlation)
            || Means(history, MetricNames.ResponseLength) is not var (shorter, longer)
            || Means(history, MetricNames.Scores) is not var (low, high))
        {
            return null;
        }

        return correlation > LengthCorrelation && longer > LengthGrowth * shorter && high > low
            ? Text($"length bias: the reward rises with the length of responses (correlation {correlation:f2}), which grew from {shorter:f0} to {longer:f0} tokens. The reward model pays for length: give it pairs in which the shorter answer wins.")
            : null;
    }

    private static string? ClipFractionIsLarge(IReadOnlyList<TrainingProgress> history) =>
        Last(history, MetricNames.ClipFraction) is { } share && share > LargestClipFraction
            ? Text($"clip fraction: {share:p0} of the tokens were clipped, more than {LargestClipFraction:p0}. The epochs move the policy too far from its samples: lower learning_rate or the number of epochs.")
            : null;

    private static string? CriticExplainsNothing(IReadOnlyList<TrainingProgress> history) =>
        history.Count >= CriticWarmup && Means(history, MetricNames.ExplainedVariance) is var (_, explained) && explained < 0
            ? Text($"explained variance: {explained:f2} over the last {Window} updates; a critic below 0 is worse than a constant. Raise value_coefficient or value_clip_range.")
            : null;

    private static string? HeldOutScoreFalls(IReadOnlyList<TrainingProgress> history)
    {
        var measured = history.Where(h => h.Metrics.ContainsKey(MetricNames.EvaluationScore)).ToArray();
        if (measured.Length < 3 || measured[^1] != history[^1])
        {
            return null;
        }

        // Two measurements in a row below the best, while the training score is above what it was then: what rises is not what is wanted.
        var best = measured.MaxBy(h => h.Metrics[MetricNames.EvaluationScore])!;
        var (last, previous, peak) = (measured[^1].Metrics, measured[^2].Metrics, best.Metrics);
        var falls = best.Step < measured[^2].Step
            && last[MetricNames.EvaluationScore] < previous[MetricNames.EvaluationScore]
            && previous[MetricNames.EvaluationScore] < peak[MetricNames.EvaluationScore];
        return falls && last[MetricNames.Scores] > peak[MetricNames.Scores]
            ? Text($"over-optimisation: the score on held-out prompts fell from {peak[MetricNames.EvaluationScore]:f3} (update {best.Step}) to {last[MetricNames.EvaluationScore]:f3}, while the training score rose from {peak[MetricNames.Scores]:f3} to {last[MetricNames.Scores]:f3}. Stop at update {best.Step}, raise the KL coefficient, or use an ensemble with an uncertainty penalty.")
            : null;
    }

    private static double? Last(IReadOnlyList<TrainingProgress> history, string name) =>
        history.Count > 0 && history[^1].Metrics.TryGetValue(name, out var value) ? value : null;

    /// <summary>The mean over the first and over the last updates.</summary>
    private static (double First, double Last)? Means(IReadOnlyList<TrainingProgress> history, string name)
    {
        var values = history.Select(h => h.Metrics.TryGetValue(name, out var value) ? value : (double?)null).OfType<double>().ToArray();
        return values.Length < Window ? null : (values.Take(Window).Average(), values.TakeLast(Window).Average());
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
