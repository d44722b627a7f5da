using System.Globalization;
using System.Text.Json;
using Spectre.Console;

namespace Rlhf.FaultCampaign;

/// <summary>What a campaign found, as a table and as JSON.</summary>
internal sealed class CampaignReport(
    CampaignOptions options, IReadOnlyList<PlannedFault> faults, IReadOnlyDictionary<string, string> notAvailable, RunOutcome disturbed, RunOutcome undisturbed)
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>Every invariant, in both lives.</summary>
    public IReadOnlyList<Check> Checks { get; } =
    [
        .. disturbed.Checks.Zip(undisturbed.Checks).Select(pair => new Check(
            pair.First.Invariant, [.. pair.First.Violations, .. pair.Second.Violations.Select(v => "without faults: " + v)])),
        new("all weights equal those without faults, bit for bit", [.. Invariants.SameWeights(undisturbed.Checkpoints, disturbed.Checkpoints)]),
    ];

    /// <summary>What did not hold; nothing after a success.</summary>
    public IReadOnlyList<string> Violations => [.. Checks.SelectMany(c => c.Violations)];

    public void Print(IAnsiConsole console)
    {
        var table = new Table().RoundedBorder().AddColumn("fault");
        foreach (var heading in (string[])["injected", "fault lasts\nmedian", "loop moves after\nmedian", "p95", "longest"])
        {
            table.AddColumn(new TableColumn(heading).RightAligned());
        }

        foreach (var kind in faults.GroupBy(f => f.Kind).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            var recoveries = disturbed.Recoveries.Where(r => r.Kind == kind.Key).ToList();
            var moves = recoveries.Select(r => r.MoveSeconds).Order().ToList();
            table.AddRow(
                kind.Key, Text(kind.Count()), Seconds(recoveries.Select(r => r.FaultSeconds).Order().ToList(), 0.5), Seconds(moves, 0.5), Seconds(moves, 0.95), Seconds(moves, 1));
        }

        console.Write(table);
        foreach (var (kind, why) in notAvailable)
        {
            console.WriteLine($"not injected: {kind} – {why}");
        }

        var both = new Table().RoundedBorder().AddColumn("").AddColumn(new TableColumn("with faults").RightAligned()).AddColumn(new TableColumn("without").RightAligned());
        foreach (var (name, value) in (IEnumerable<(string, Func<RunOutcome, string>)>)
        [
            ("seconds", r => r.Seconds.ToString("F0", CultureInfo.InvariantCulture)),
            ("cycles", r => Text(r.Cycles)),
            ("judgments", r => Text(r.Judgments)),
            ("judgments per second", r => (r.Judgments / r.Seconds).ToString("F1", CultureInfo.InvariantCulture)),
            ("requests with a judgment", r => Text(r.Requests)),
            ("… answered 'stored before'", r => Text(r.Repeats)),
            ("… refused", r => Text(r.Refused)),
            ("runs", r => Text(r.Runs)),
            ("claims of runs", r => Text(r.Claims)),
            ("failures of runs, resumed", r => Text(r.Failures.Values.Sum())),
            ("messages delivered again", r => Text(r.Replayed)),
            ("processes that ended by themselves", r => Text(r.Crashes)),
            ("checkpoints", r => Text(r.Checkpoints.Count)),
        ])
        {
            both.AddRow(name, value(disturbed), value(undisturbed));
        }

        console.Write(both);
        foreach (var (error, count) in disturbed.Failures)
        {
            console.WriteLine($"a run failed {count}×: {error}");
        }

        var checks = new Table().RoundedBorder().AddColumn("invariant").AddColumn("");
        foreach (var check in Checks)
        {
            checks.AddRow(check.Invariant, check.Violations.Count == 0 ? "ok" : $"violated ({check.Violations.Count})");
        }

        console.Write(checks);
        foreach (var check in Checks.Where(c => c.Violations.Count > 0))
        {
            foreach (var violation in check.Violations)
            {
                console.WriteLine($"VIOLATED: {check.Invariant}: {violation}");
            }
        }

        console.WriteLine(Violations.Count == 0
            ? $"Every invariant held after {faults.Count} faults; all {disturbed.Checkpoints.Count} checkpoints are the same bit for bit with and without faults."
            : $"{Violations.Count} violations. Repeat: {options.RepeatCommand}    Logs: {options.WorkDirectory}");
    }

    public string ToJson() => JsonSerializer.Serialize(
        new
        {
            options.Faults,
            options.Seed,
            command = options.RepeatCommand,
            faultsByKind = faults.GroupBy(f => f.Kind).OrderBy(g => g.Key, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Count()),
            notAvailable,
            disturbed,
            undisturbed,
            checks = Checks,
        },
        s_json);

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    // The nearest rank, which is a time that was measured.
    private static string Seconds(List<double> sorted, double quantile) => sorted.Count == 0
        ? "–"
        : sorted[Math.Max(0, (int)Math.Ceiling(quantile * sorted.Count) - 1)].ToString("F1", CultureInfo.InvariantCulture) + " s";
}
