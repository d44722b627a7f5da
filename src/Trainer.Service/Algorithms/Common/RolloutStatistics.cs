namespace Trainer.Service.Algorithms.Common;

/// <summary>Numbers about a rollout that need no tensors.</summary>
internal static class RolloutStatistics
{
    /// <summary>Pearson's correlation of response length and score; 0 where either does not vary.</summary>
    public static double LengthRewardCorrelation(IReadOnlyList<int[]> responses, IReadOnlyList<float> scores)
    {
        var (length, score) = (responses.Average(r => (double)r.Length), scores.Average(s => (double)s));
        var (both, lengths, values) = (0.0, 0.0, 0.0);
        for (var i = 0; i < scores.Count; i++)
        {
            var (x, y) = (responses[i].Length - length, scores[i] - score);
            both += x * y;
            lengths += x * x;
            values += y * y;
        }

        return lengths <= 0 || values <= 0 ? 0 : both / Math.Sqrt(lengths * values);
    }
}
