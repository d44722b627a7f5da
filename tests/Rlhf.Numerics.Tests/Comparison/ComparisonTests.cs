using Rlhf.Numerics.Comparison;

namespace Rlhf.Numerics.Tests.Comparison;

public sealed class ComparisonTests
{
    [Fact]
    public void LengthControlled_EqualLengths_IsTheWinRate()
    {
        // Without a difference only θ is left, and σ(θ) is the mean up to the weak prior.
        var rate = LengthControlledWinRate.Measure([1, 1, 1, 0], [0, 0, 0, 0], new Philox(1));
        Assert.Equal(0.75, rate.Value, 3);
        Assert.True(rate.Low <= rate.Value && rate.Value <= rate.High);
    }

    [Fact]
    public void LengthControlled_WinsThatLengthExplains_AreTakenOff()
    {
        // Longer always wins 80 % and shorter 20 %, and the challenger is longer three times as often: the raw rate is 65 %, at equal lengths it is 50 %.
        // ±δ/s has one size only for a symmetric s: 300 of +10 and 100 of −10 have s = 8.66, and tanh is odd, so φ alone explains all.
        var outcomes = new List<double>();
        var lengths = new List<int>();
        for (var i = 0; i < 400; i++)
        {
            var longer = i % 4 != 0;
            lengths.Add(longer ? 10 : -10);
            outcomes.Add((i / 4 % 5 != 0) == longer ? 1 : 0);
        }

        Assert.Equal(0.65, outcomes.Average(), 12);
        var rate = LengthControlledWinRate.Measure(outcomes, lengths, new Philox(1), resamples: 200);
        Assert.Equal(0.5, rate.Value, 3);
        Assert.InRange(0.5, rate.Low, rate.High);
    }

    [Fact]
    public void LengthControlled_AllWins_IsFinite()
    {
        var rate = LengthControlledWinRate.Measure([.. Enumerable.Repeat(1.0, 20)], [.. Enumerable.Range(0, 20)], new Philox(1), resamples: 100);
        Assert.InRange(rate.Value, 0.95, 1);
    }

    [Fact]
    public void LengthControlled_Nothing_IsRefused() => Assert.Throws<ArgumentException>(() => LengthControlledWinRate.Measure([], [], new Philox(1)));

    [Fact]
    public void BradleyTerry_TwoPlayers_AreApartByTheOdds()
    {
        // 75 wins to 25: odds 3, so 400·log10(3) = 190.85 apart; a prior this weak changes nothing.
        var games = Enumerable.Range(0, 100).Select(i => new Game(0, 1, i < 75 ? 1 : 0)).ToArray();
        var ratings = BradleyTerry.Rate(2, games, new Philox(1), resamples: 100, prior: 1e-6);

        Assert.Equal(400 * Math.Log10(3), ratings[0].Value - ratings[1].Value, 3);
        Assert.Equal(1000, (ratings[0].Value + ratings[1].Value) / 2, 3);
        Assert.All(ratings, r => Assert.True(r.Low < r.Value && r.Value < r.High));
    }

    [Fact]
    public void BradleyTerry_OnlyWinsAndAStranger_StayFinite()
    {
        // 0 always beats 1, 2 never played. By symmetry λ1 = 1/λ0, 2 + ½ = λ0·(1/(λ0+1) + 2/(λ0+1/λ0)) is what λ0 solves.
        var ratings = BradleyTerry.Rate(3, [new(0, 1, 1), new(0, 1, 1)], new Philox(1), resamples: 100);

        var strength = Math.Pow(10, (ratings[0].Value - 1000) / 400);
        Assert.Equal(2.5, strength * ((1 / (strength + 1)) + (2 / (strength + (1 / strength)))), 6);
        Assert.Equal(1000, ratings[2].Value, 6);
        Assert.Equal(2000, ratings[0].Value + ratings[1].Value, 6);
    }

    [Fact]
    public void BradleyTerry_OrderOfGames_DoesNotMatter()
    {
        Game[] games = [new(0, 1, 1), new(1, 2, 1), new(0, 2, 0.5), new(2, 1, 1), new(0, 1, 0)];
        var forward = BradleyTerry.Rate(3, games, new Philox(1), resamples: 1).Select(r => r.Value);
        var backward = BradleyTerry.Rate(3, [.. games.Reverse()], new Philox(1), resamples: 1).Select(r => r.Value);
        Assert.All(forward.Zip(backward), p => Assert.Equal(p.First, p.Second, 6));
    }

    [Fact]
    public void Elo_OneGame_MovesBothByHalfOfK()
    {
        // Equal ratings expect ½: 32·(1 − ½) = 16.
        Assert.Equal([1016, 984], EloRating.Rate(2, [new(0, 1, 1)], new Philox(1)));
        Assert.Equal([1000, 1000], EloRating.Rate(2, [new(0, 1, 0.5)], new Philox(1)));

        // A second win is expected with 1/(1+10^(−32/400)) = 0.54592: 32·(1 − 0.54592) = 14.5305.
        Assert.Equal(1030.5305, EloRating.Rate(2, [new(0, 1, 1), new(0, 1, 1)], new Philox(1))[0], 1e-4);
    }
}
