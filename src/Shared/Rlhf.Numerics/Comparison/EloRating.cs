namespace Rlhf.Numerics.Comparison;

/// <summary>
/// Elo ratings (Elo 1978): after each game R ← R + K·(score − expected), expected = 1/(1 + 10^((R_other − R)/400)). They depend on the order of the games,
/// which is drawn from the seed; <see cref="BradleyTerry"/> does not have this fault.
/// </summary>
public static class EloRating
{
    /// <summary>The factor K that chess uses for newcomers.</summary>
    public const double DefaultK = 32;

    /// <summary>The rating everybody begins with.</summary>
    public const double InitialRating = 1000;

    /// <summary>The ratings after all games in a drawn order.</summary>
    /// <param name="players">How many players.</param>
    /// <param name="games">Their games.</param>
    /// <param name="random">Draws the order.</param>
    /// <param name="k">K: how far one game moves a rating.</param>
    public static double[] Rate(int players, IReadOnlyList<Game> games, Philox random, double k = DefaultK)
    {
        var ratings = Enumerable.Repeat(InitialRating, players).ToArray();
        foreach (var index in random.Permutation(games.Count))
        {
            var (first, second, score) = games[index];
            var expected = 1 / (1 + Math.Pow(10, (ratings[second] - ratings[first]) / 400));
            var change = k * (score - expected);
            ratings[first] += change;
            ratings[second] -= change;
        }

        return ratings;
    }
}
