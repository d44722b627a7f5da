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
        var sums = clusters.Select(c => (c.Sum(), (double)c.Count)).ToArray();
        return RatioBootstrap(sums, random, resamples);
    }

    /// <summary>
    /// Σ numerators / Σ denominators with its percentile bootstrap interval at 95 %, resampling pairs: for example nats and tokens of documents.
    /// </summary>
    /// <param name="parts">Numerator and denominator of each part. Parts with a denominator of 0 do not count.</param>
    /// <param name="random">Where the resampling draws from.</param>
    /// <param name="resamples">How many bootstrap samples.</param>
    /// <exception cref="ArgumentException">If there is no part that counts.</exception>
    public static Interval RatioBootstrap(IReadOnlyList<(double Numerator, double Denominator)> parts, Philox random, int resamples = 2000)
    {
        var counting = parts.Where(c => c.Denominator > 0).ToArray();
        if (counting.Length == 0)
        {
            throw new ArgumentException("There is no value to estimate a mean from.", nameof(parts));
        }

        var ratios = new double[resamples];
        for (var r = 0; r < resamples; r++)
        {
            double numerator = 0, denominator = 0;
            for (var i = 0; i < counting.Length; i++)
            {
                var (n, d) = counting[random.Next(counting.Length)];
                numerator += n;
                denominator += d;
            }

            ratios[r] = numerator / denominator;
        }

        return Percentiles(counting.Sum(c => c.Numerator) / counting.Sum(c => c.Denominator), ratios);
    }

    /// <summary>An estimate with the 2.5th and 97.5th percentile of its bootstrap samples.</summary>
    /// <param name="value">The estimate from the whole data.</param>
    /// <param name="samples">The estimates from resampled data, at least one; sorted in place.</param>
    public static Interval Percentiles(double value, double[] samples)
    {
        Array.Sort(samples);
        return new Interval(value, samples[(int)(0.025 * (samples.Length - 1))], samples[(int)(0.975 * (samples.Length - 1))]);
    }
}
