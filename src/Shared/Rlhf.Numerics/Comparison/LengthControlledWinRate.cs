namespace Rlhf.Numerics.Comparison;

/// <summary>
/// The win rate there would be if both policies' answers were equally long (Dubois et al. 2024, "Length-Controlled AlpacaEval", section 3): a logistic
/// regression P(win) = σ(θ + φ·tanh(Δ/s)) on the difference Δ of the lengths, with s its standard deviation; the result is σ(θ). Their third term, the
/// difficulty of a prompt, is estimated from the answers of many models and left out here.
/// </summary>
public static class LengthControlledWinRate
{
    // A weak Gaussian prior on both coefficients keeps them finite where every comparison has the same winner.
    private const double Ridge = 1e-3;
    private const int MaxSteps = 100;

    /// <summary>The rate with a 95 % bootstrap interval over prompts.</summary>
    /// <param name="outcomes">1 where the challenger's answer won, 0 where it lost, ½ for a tie; one for each prompt, at least one.</param>
    /// <param name="lengthDifferences">Characters of the challenger's answer less those of the other's, in the same order.</param>
    /// <param name="random">Where the resampling draws from.</param>
    /// <param name="resamples">Bootstrap samples.</param>
    public static Interval Measure(IReadOnlyList<double> outcomes, IReadOnlyList<int> lengthDifferences, Philox random, int resamples = 1000)
    {
        if (outcomes.Count == 0 || outcomes.Count != lengthDifferences.Count)
        {
            throw new ArgumentException($"There are {outcomes.Count} outcomes and {lengthDifferences.Count} differences; they must be as many, and at least one.", nameof(outcomes));
        }

        var all = Enumerable.Range(0, outcomes.Count).ToArray();
        var rows = new int[all.Length];
        var samples = new double[resamples];
        for (var r = 0; r < resamples; r++)
        {
            for (var i = 0; i < rows.Length; i++)
            {
                rows[i] = random.Next(rows.Length);
            }

            samples[r] = Estimate(outcomes, lengthDifferences, rows);
        }

        return Statistics.Percentiles(Estimate(outcomes, lengthDifferences, all), samples);
    }

    private static double Estimate(IReadOnlyList<double> outcomes, IReadOnlyList<int> differences, int[] rows)
    {
        var mean = rows.Average(i => (double)differences[i]);
        var deviation = Math.Sqrt(rows.Average(i => (differences[i] - mean) * (differences[i] - mean)));
        var x = rows.Select(i => deviation > 0 ? Math.Tanh(differences[i] / deviation) : 0).ToArray();
        return Sigmoid(Fit(x, [.. rows.Select(i => outcomes[i])]).Theta);
    }

    // Newton's method on the concave penalised log-likelihood. A step that does not raise it is halved.
    private static (double Theta, double Phi) Fit(double[] x, double[] y)
    {
        double theta = 0, phi = 0, value = Objective(x, y, 0, 0);
        for (var step = 0; step < MaxSteps; step++)
        {
            double g0 = -Ridge * theta, g1 = -Ridge * phi, h00 = Ridge, h01 = 0, h11 = Ridge;
            for (var i = 0; i < x.Length; i++)
            {
                var p = Sigmoid(theta + (phi * x[i]));
                var w = p * (1 - p);
                g0 += y[i] - p;
                g1 += (y[i] - p) * x[i];
                h00 += w;
                h01 += w * x[i];
                h11 += w * x[i] * x[i];
            }

            var determinant = (h00 * h11) - (h01 * h01);
            var (d0, d1) = (((h11 * g0) - (h01 * g1)) / determinant, ((h00 * g1) - (h01 * g0)) / determinant);
            var scale = 1.0;
            var next = Objective(x, y, theta + d0, phi + d1);
            while (!(next >= value) && scale > 1e-10)
            {
                scale /= 2;
                next = Objective(x, y, theta + (scale * d0), phi + (scale * d1));
            }

            (theta, phi, value) = (theta + (scale * d0), phi + (scale * d1), next);
            if (Math.Abs(scale * d0) + Math.Abs(scale * d1) < 1e-10)
            {
                break;
            }
        }

        return (theta, phi);
    }

    private static double Objective(double[] x, double[] y, double theta, double phi)
    {
        var sum = -0.5 * Ridge * ((theta * theta) + (phi * phi));
        for (var i = 0; i < x.Length; i++)
        {
            var z = theta + (phi * x[i]);

            // y·log σ(z) + (1 − y)·log σ(−z)
            sum += (y[i] * z) - Softplus(z);
        }

        return sum;
    }

    private static double Softplus(double z) => z > 0 ? z + Math.Log(1 + Math.Exp(-z)) : Math.Log(1 + Math.Exp(z));

    private static double Sigmoid(double z) => 1 / (1 + Math.Exp(-z));
}
