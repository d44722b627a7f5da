namespace Rlhf.Numerics;

/// <summary>A proportion or mean with its confidence interval.</summary>
/// <param name="Value">The point estimate.</param>
/// <param name="Low">The lower bound.</param>
/// <param name="High">The upper bound.</param>
public readonly record struct Interval(double Value, double Low, double High);

/// <summary>The few statistics that reports need.</summary>
public static class Statistics
{
    /// <summary>The 97.5th percentile of the standard normal distribution.</summary>
    public const double Z95 = 1.959963984540054;

    /// <summary>
    /// The Wilson score interval (Wilson 1927) of <paramref name="successes"/> in <paramref name="trials"/>, by default at 95 %.
    /// Half successes (ties) are allowed. With no trials the interval is [0, 1].
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">If the counts are negative or successes exceed trials.</exception>
    public static Interval Wilson(double successes, double trials, double z = Z95)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(successes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(successes, trials);
        if (trials == 0)
        {
            return new Interval(double.NaN, 0, 1);
        }

        var p = successes / trials;
        var z2 = z * z;
        var centre = (p + (z2 / (2 * trials))) / (1 + (z2 / trials));
        var half = z / (1 + (z2 / trials)) * Math.Sqrt((p * (1 - p) / trials) + (z2 / (4 * trials * trials)));
        return new Interval(p, Math.Max(0, centre - half), Math.Min(1, centre + half));
    }

    /// <summary>
    /// The mean with its percentile bootstrap interval (Efron 1979) at 95 %, resampling whole clusters: values of one cluster
    /// (a seed, a prompt) are not independent.
    /// </summary>
    /// <param name="clusters">The values, by cluster; at least one value in all.</param>
    /// <param name="random">Where the resampling draws from.</param>
    /// <param name="resamples">How many bootstrap samples.</param>
    /// <exception cref="ArgumentException">If there is no value.</exception>
    public static Interval ClusterBootstrap(IReadOnlyList<IReadOnlyList<double>> clusters, Philox random, int resamples = 2000)
    {
        var sums = clusters.Select(c => (Sum: c.Sum(), c.Count)).Where(c => c.Count > 0).ToArray();
        if (sums.Length == 0)
        {
            throw new ArgumentException("There is no value to estimate a mean from.", nameof(clusters));
        }

        var means = new double[resamples];
        for (var r = 0; r < resamples; r++)
        {
            double sum = 0;
            var count = 0;
            for (var i = 0; i < sums.Length; i++)
            {
                var (s, n) = sums[random.Next(sums.Length)];
                sum += s;
                count += n;
            }

            means[r] = sum / count;
        }

        Array.Sort(means);
        return new Interval(
            sums.Sum(c => c.Sum) / sums.Sum(c => c.Count),
            means[(int)(0.025 * (resamples - 1))],
            means[(int)(0.975 * (resamples - 1))]);
    }
}
