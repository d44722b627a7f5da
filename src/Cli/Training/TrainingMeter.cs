using System.Globalization;
using Rlhf.Training.Metrics;

namespace Rlhf.Cli.Training;

/// <summary>A run's reports as one line: step, tokens per second, time left, and the metrics that say whether it goes well.</summary>
internal sealed class TrainingMeter(TimeProvider clock)
{
    // What a person watches, of whatever method; names are those of the reports.
    private static readonly string[] Watched =
    [
        MetricNames.TrainLoss, MetricNames.RewardLoss, MetricNames.EvaluationLoss, MetricNames.Scores, MetricNames.Kl, MetricNames.PolicyLoss,
        MetricNames.ValueLoss, MetricNames.RewardAccuracies, MetricNames.RewardMargins, MetricNames.RewardAccuracy, MetricNames.ResponseLength,
    ];

    private (int Step, long Time)? _first;
    private long _last = clock.GetTimestamp();
    private double? _lastTokens;
    private double _episodes;

    /// <summary>The line for a report; to be called once for each, in order.</summary>
    public string Describe(TrainingProgress progress)
    {
        var parts = new List<string> { $"step {progress.Step}/{progress.TotalSteps}" };
        if (TokensPerSecond(progress.Metrics) is { } rate)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"{rate:N0} tok/s"));
        }

        if (Remaining(progress) is { } left)
        {
            parts.Add($"ETA {left:hh\\:mm\\:ss}");
        }

        parts.AddRange(Watched.Where(progress.Metrics.ContainsKey)
            .Select(metric => string.Create(CultureInfo.InvariantCulture, $"{metric} {progress.Metrics[metric]:G4}")));
        _last = clock.GetTimestamp();
        return string.Join("  ", parts);
    }

    // The first report of a run, also of a resumed one, tells nothing about the time before it.
    private TimeSpan? Remaining(TrainingProgress progress)
    {
        if (_first is not { } first)
        {
            _first = (progress.Step, clock.GetTimestamp());
            return null;
        }

        var done = progress.Step - first.Step;
        return done == 0 ? null : clock.GetElapsedTime(first.Time) * (progress.TotalSteps - progress.Step) / done;
    }

    private double? TokensPerSecond(IReadOnlyDictionary<string, double> metrics)
    {
        if (metrics.TryGetValue(MetricNames.TokensPerSecond, out var measured))
        {
            return measured;
        }

        double? tokens = metrics.TryGetValue(MetricNames.TrainTokens, out var trained) ? trained
            : metrics.TryGetValue(MetricNames.ResponseLength, out var length) && metrics.TryGetValue(MetricNames.Episode, out var episodes)
                ? (_lastTokens ?? 0) + (length * (episodes - _episodes))
            : null;
        _episodes = metrics.GetValueOrDefault(MetricNames.Episode, _episodes);
        var (before, seconds) = (_lastTokens, clock.GetElapsedTime(_last).TotalSeconds);
        _lastTokens = tokens;
        return tokens is null || before is null || seconds <= 0 ? null : (tokens - before) / seconds;
    }
}
