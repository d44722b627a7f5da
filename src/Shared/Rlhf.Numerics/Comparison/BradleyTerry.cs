namespace Rlhf.Numerics.Comparison;

/// <summary>
/// Ratings of players from all their games at once (Bradley and Terry 1952): P(i beats j) = σ(θᵢ − θⱼ), a tie is half a win of each. The maximum of the
/// likelihood, which is concave in θ, is found by Newton's method. Every player also has <c>prior</c> drawn games against one of θ = 0, so that who only won,
/// or was never compared with the others, has a finite rating too.
/// </summary>
public static class BradleyTerry
{
    /// <summary>The rating of θ = 0, as Chatbot Arena has it.</summary>
    public const double BaseRating = 1000;

    private const int MaxSteps = 100;

    // Elo's scale: a difference of 400 is odds of 10 to 1.
    private static readonly double s_scale = 400 / Math.Log(10);

    /// <summary>The ratings, on Elo's scale, each with a 95 % bootstrap interval over games.</summary>
    /// <param name="players">How many players.</param>
    /// <param name="games">Their games.</param>
    /// <param name="random">Where the resampling draws from.</param>
    /// <param name="resamples">Bootstrap samples.</param>
    /// <param name="prior">Drawn games of each player against one of θ = 0, above 0.</param>
    public static IReadOnlyList<Interval> Rate(int players, IReadOnlyList<Game> games, Philox random, int resamples = 200, double prior = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(prior);
        var values = Fit(players, games, prior);
        var samples = Enumerable.Range(0, players).Select(_ => new double[resamples]).ToArray();
        var drawn = new Game[games.Count];
        for (var r = 0; r < resamples; r++)
        {
            for (var g = 0; g < drawn.Length; g++)
            {
                drawn[g] = games[random.Next(drawn.Length)];
            }

            var sample = Fit(players, drawn, prior);
            for (var p = 0; p < players; p++)
            {
                samples[p][r] = sample[p];
            }
        }

        return [.. values.Select((v, p) => Statistics.Percentiles(v, samples[p]))];
    }

    private static double[] Fit(int players, IReadOnlyList<Game> games, double prior)
    {
        var wins = Enumerable.Repeat(prior / 2, players).ToArray();
        var counts = new Dictionary<(int First, int Second), double>();
        foreach (var game in games)
        {
            wins[game.First] += game.Score;
            wins[game.Second] += 1 - game.Score;
            var pair = (Math.Min(game.First, game.Second), Math.Max(game.First, game.Second));
            counts[pair] = counts.GetValueOrDefault(pair) + 1;
        }

        var theta = new double[players];
        var value = LogLikelihood(theta, wins, counts, prior);
        for (var step = 0; step < MaxSteps; step++)
        {
            var direction = NewtonStep(theta, wins, counts, prior);
            var scale = 1.0;
            var next = Moved(theta, direction, scale);
            for (var nextValue = LogLikelihood(next, wins, counts, prior); ; nextValue = LogLikelihood(next, wins, counts, prior))
            {
                if (nextValue >= value || scale < 1e-10)
                {
                    value = nextValue;
                    break;
                }

                scale /= 2;
                next = Moved(theta, direction, scale);
            }

            theta = next;
            if (direction.Sum(Math.Abs) * scale < 1e-10)
            {
                break;
            }
        }

        return [.. theta.Select(t => BaseRating + (s_scale * t))];
    }

    private static double[] Moved(double[] theta, double[] direction, double scale) => [.. theta.Zip(direction, (t, d) => t + (scale * d))];

    private static double LogLikelihood(double[] theta, double[] wins, Dictionary<(int First, int Second), double> counts, double prior)
    {
        // Σ wins·θ − Σ n·log(e^θᵢ + e^θⱼ).
        var sum = 0.0;
        for (var p = 0; p < theta.Length; p++)
        {
            sum += (wins[p] * theta[p]) - (prior * LogSum(theta[p], 0));
        }

        return sum - counts.Sum(c => c.Value * LogSum(theta[c.Key.First], theta[c.Key.Second]));
    }

    private static double[] NewtonStep(double[] theta, double[] wins, Dictionary<(int First, int Second), double> counts, double prior)
    {
        var gradient = new double[theta.Length];
        var curvature = new double[theta.Length, theta.Length];
        for (var p = 0; p < theta.Length; p++)
        {
            var expected = Sigmoid(theta[p]);
            gradient[p] = wins[p] - (prior * expected);
            curvature[p, p] = prior * expected * (1 - expected);
        }

        foreach (var ((first, second), count) in counts)
        {
            var expected = Sigmoid(theta[first] - theta[second]);
            var weight = count * expected * (1 - expected);
            gradient[first] -= count * expected;
            gradient[second] -= count * (1 - expected);
            curvature[first, first] += weight;
            curvature[second, second] += weight;
            curvature[first, second] -= weight;
            curvature[second, first] -= weight;
        }

        return Solve(curvature, gradient);
    }

    // Gaussian elimination. The matrix is symmetric and diagonally dominant, so no pivoting is needed.
    private static double[] Solve(double[,] matrix, double[] right)
    {
        var n = right.Length;
        for (var k = 0; k < n; k++)
        {
            for (var i = k + 1; i < n; i++)
            {
                var factor = matrix[i, k] / matrix[k, k];
                if (factor != 0)
                {
                    for (var j = k; j < n; j++)
                    {
                        matrix[i, j] -= factor * matrix[k, j];
                    }

                    right[i] -= factor * right[k];
                }
            }
        }

        for (var i = n - 1; i >= 0; i--)
        {
            for (var j = i + 1; j < n; j++)
            {
                right[i] -= matrix[i, j] * right[j];
            }

            right[i] /= matrix[i, i];
        }

        return right;
    }

    private static double LogSum(double a, double b) => Math.Max(a, b) + Math.Log(1 + Math.Exp(-Math.Abs(a - b)));

    private static double Sigmoid(double z) => 1 / (1 + Math.Exp(-z));
}
