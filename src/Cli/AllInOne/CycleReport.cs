using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Rlhf.Numerics;
using Spectre.Console;

namespace Rlhf.Cli.AllInOne;

/// <summary>What one seed's cycle gave.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="RewardCorrect">Held-out judgments that the reward model agrees with.</param>
/// <param name="RewardTotal">Held-out judgments, ties left out.</param>
/// <param name="Kl">The policy's mean KL from the old one, per answer, in nats, at the last update.</param>
/// <param name="Preferences">For each held-out prompt: 1 the new policy's answer scores higher, 0 lower, ½ equal.</param>
/// <param name="Baseline">The same for two independent draws of the old policy.</param>
/// <param name="OldScore">Mean score of the old policy's answers.</param>
/// <param name="NewScore">Mean score of the new policy's answers.</param>
internal sealed record SeedResult(
    ulong Seed, double RewardCorrect, double RewardTotal, double Kl, double[] Preferences, double[] Baseline, double OldScore, double NewScore)
{
    public Interval RewardAccuracy => Statistics.Wilson(RewardCorrect, RewardTotal);

    public Interval WinRate => Statistics.Wilson(Preferences.Sum(), Preferences.Length);

    public Interval BaselineWinRate => Statistics.Wilson(Baseline.Sum(), Baseline.Length);
}

/// <summary>The table and the JSON at the end of <c>rlhf cycle</c>.</summary>
internal sealed class CycleReport
{
    // A small cycle may have no held-out judgment: its accuracy is NaN, which plain JSON cannot say.
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    private readonly IReadOnlyList<SeedResult> _seeds;

    private CycleReport(IReadOnlyList<SeedResult> seeds) => _seeds = seeds;

    public static CycleReport Of(IReadOnlyList<SeedResult> seeds) => new(seeds);

    /// <summary>One sentence that says what the table means.</summary>
    public string Reading
    {
        get
        {
            var pooled = Pooled(s => s.Preferences);
            var verdict = pooled.Low > 0.5 ? "better than" : pooled.High < 0.5 ? "worse than" : "not distinguishable from";
            return $"The new policy is {verdict} the old one on held-out prompts: preferred on {Percent(pooled.Value)} (95 % interval {Percent(pooled.Low)} to {Percent(pooled.High)}), judged by the tasks' own checkers.";
        }
    }

    public Table ToTable()
    {
        var table = new Table().RoundedBorder()
            .AddColumn("seed")
            .AddColumn(new TableColumn("reward-model accuracy\n(held-out judgments)").RightAligned())
            .AddColumn(new TableColumn("KL\n(nats per answer)").RightAligned())
            .AddColumn(new TableColumn("new preferred to old\n(held-out prompts)").RightAligned())
            .AddColumn(new TableColumn("random baseline\n(old against old)").RightAligned())
            .AddColumn(new TableColumn("mean score\nold → new").RightAligned());
        foreach (var s in _seeds)
        {
            table.AddRow(
                s.Seed.ToString(CultureInfo.InvariantCulture), Percent(s.RewardAccuracy), Number(s.Kl), Percent(s.WinRate), Percent(s.BaselineWinRate), $"{Number(s.OldScore)} → {Number(s.NewScore)}");
        }

        table.AddEmptyRow();
        table.AddRow(
            "all",
            Percent(PooledAccuracy),
            Number(_seeds.Average(s => s.Kl)),
            $"[bold]{Percent(Pooled(s => s.Preferences))}[/]",
            Percent(Pooled(s => s.Baseline)),
            $"{Number(_seeds.Average(s => s.OldScore))} → {Number(_seeds.Average(s => s.NewScore))}");
        return table;
    }

    public string ToJson()
    {
        var winRate = Pooled(s => s.Preferences);
        var baseline = Pooled(s => s.Baseline);
        return JsonSerializer.Serialize(
            new
            {
                seeds = _seeds.Select(s => new
                {
                    seed = s.Seed,
                    rewardAccuracy = s.RewardAccuracy.Value,
                    kl = s.Kl,
                    winRate = s.WinRate.Value,
                    winRateLow = s.WinRate.Low,
                    winRateHigh = s.WinRate.High,
                    baselineWinRate = s.BaselineWinRate.Value,
                    oldScore = s.OldScore,
                    newScore = s.NewScore,
                }),
                pooled = new
                {
                    rewardAccuracy = PooledAccuracy.Value,
                    kl = _seeds.Average(s => s.Kl),
                    winRate = winRate.Value,
                    winRateLow = winRate.Low,
                    winRateHigh = winRate.High,
                    baselineWinRate = baseline.Value,
                    baselineWinRateLow = baseline.Low,
                    baselineWinRateHigh = baseline.High,
                },
            },
            Json);
    }

    private Interval PooledAccuracy => Statistics.Wilson(_seeds.Sum(s => s.RewardCorrect), _seeds.Sum(s => s.RewardTotal));

    // Seeds are few and each trains one policy: they are the clusters, so the interval covers another seed too. One seed leaves only its prompts.
    private Interval Pooled(Func<SeedResult, double[]> values) => _seeds.Count == 1
        ? Statistics.Wilson(values(_seeds[0]).Sum(), values(_seeds[0]).Length)
        : Statistics.ClusterBootstrap([.. _seeds.Select(values)], new Philox(0));

    private static string Percent(double value) => value.ToString("P1", CultureInfo.InvariantCulture);

    private static string Percent(Interval interval) => double.IsNaN(interval.Value)
        ? "–"
        : $"{Percent(interval.Value)} ({Percent(interval.Low)}–{Percent(interval.High)})";

    private static string Number(double value) => value.ToString("F2", CultureInfo.InvariantCulture);
}
