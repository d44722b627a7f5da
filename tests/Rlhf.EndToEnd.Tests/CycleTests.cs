using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace Rlhf.EndToEnd.Tests;

/// <summary>The simulated cycle: its output, its verdict, and that a process killed in the middle of PPO changes nothing.</summary>
public sealed class CycleTests
{
    private static readonly string[] Small = ["cycle", "--annotator", "simulated", "--seeds", "1", "--judgments", "40", "--updates", "4", "--held-out-prompts", "20", "--json"];

    // What the default size gives over three seeds stands in the README; here a small one must say what it did, completely and consistently.
    [Fact]
    public async Task Cycle_TwoSeeds_ReportsEachAndPoolsThem()
    {
        var (code, output, error) = await RlhfProcess.RunAsync(
            "cycle", "--annotator", "simulated", "--seed", "5", "--seeds", "2", "--judgments", "60", "--updates", "2", "--held-out-prompts", "40", "--json");
        Assert.True(code == 0, error);
        var root = JsonDocument.Parse(output).RootElement;
        var seeds = root.GetProperty("seeds").EnumerateArray().ToArray();
        Assert.Equal([5, 6], seeds.Select(s => s.GetProperty("seed").GetInt32()));
        foreach (var part in (JsonElement[])[.. seeds, root.GetProperty("pooled")])
        {
            Assert.InRange(part.GetProperty("rewardAccuracy").GetDouble(), 0, 1);
            Assert.InRange(part.GetProperty("winRateLow").GetDouble(), 0, part.GetProperty("winRate").GetDouble());
            Assert.InRange(part.GetProperty("winRateHigh").GetDouble(), part.GetProperty("winRate").GetDouble(), 1);
            // The second update starts from a policy that has moved.
            Assert.True(part.GetProperty("kl").GetDouble() != 0, output);
        }

        // Both seeds have 40 prompts, so the pooled rate is their mean.
        Assert.Equal(seeds.Average(s => s.GetProperty("winRate").GetDouble()), root.GetProperty("pooled").GetProperty("winRate").GetDouble(), 9);
    }

    [Fact]
    public async Task Cycle_KilledInTheMiddleOfPpo_EndsInTheSameWeights_AndSoDoesItsBackup()
    {
        using var folder = new TemporaryDirectory();
        var (code, _, error) = await RlhfProcess.RunAsync([.. Small, "--data", folder["undisturbed"]]);
        Assert.True(code == 0, error);

        await using (var killed = RlhfProcess.Start([.. Small, "--data", folder["killed"]]))
        {
            await WaitForPpoStepAsync(Path.Combine(folder["killed"], "rlhf.db"), 3, killed);
            await killed.KillAsync();
        }

        // There is a state to go on from, or the test would show no more than that PPO repeats itself.
        Assert.NotEmpty(Directory.GetDirectories(Path.Combine(folder["killed"], "runs"), "state-*", SearchOption.AllDirectories));

        (code, _, error) = await RlhfProcess.RunAsync("backup", "--data", folder["killed"], "--to", folder["backup"]);
        Assert.True(code == 0, error);
        (code, _, error) = await RlhfProcess.RunAsync("restore", "--from", folder["backup"], "--data", folder["restored"]);
        Assert.True(code == 0, error);

        foreach (var data in (string[])["killed", "restored"])
        {
            (code, _, error) = await RlhfProcess.RunAsync([.. Small, "--data", folder[data]]);
            Assert.True(code == 0, error);
        }

        const string Hashes = "SELECT c.Kind, c.Version, c.ContentHash FROM Checkpoints c ORDER BY c.Kind, c.Version";
        const string Curves = "SELECT r.Kind, m.Step, m.Name, m.Value FROM Metrics m JOIN Runs r ON r.Id = m.RunId WHERE m.Name NOT LIKE 'time/%' ORDER BY r.Kind, m.Name, m.Step";
        foreach (var query in (string[])[Hashes, Curves])
        {
            var expected = Rows(Path.Combine(folder["undisturbed"], "rlhf.db"), query);
            Assert.NotEmpty(expected);
            Assert.Equal(expected, Rows(Path.Combine(folder["killed"], "rlhf.db"), query));
            Assert.Equal(expected, Rows(Path.Combine(folder["restored"], "rlhf.db"), query));
        }

        // The kill met the run: it was claimed a second time.
        foreach (var data in (string[])["killed", "restored"])
        {
            Assert.Equal(["2"], Rows(Path.Combine(folder[data], "rlhf.db"), "SELECT FencingToken FROM Runs WHERE Kind = 'ppo'"));
        }
    }

    private static async Task WaitForPpoStepAsync(string database, int step, RlhfProcess process)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (clock.Elapsed < TimeSpan.FromMinutes(5))
        {
            if (File.Exists(database) && Rows(database, $"SELECT 1 FROM Runs WHERE Kind = 'ppo' AND Step >= {step} AND Status = 'running'").Count > 0)
            {
                return;
            }

            await Task.Delay(20);
        }

        throw new TimeoutException($"PPO did not reach step {step}.\n{process.Output}\n{process.Error}");
    }

    private static List<string> Rows(string database, string query)
    {
        using var connection = new SqliteConnection($"Data Source={database};Mode=ReadOnly;Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = query;
        var rows = new List<string>();
        try
        {
            using var reader = command.ExecuteReader();
            while (reader.Read())
            {
                rows.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(i => Convert.ToString(reader.GetValue(i), System.Globalization.CultureInfo.InvariantCulture))));
            }
        }
        catch (SqliteException exception) when (exception.SqliteErrorCode is 1 or 5)
        {
            // Not migrated yet, or just being written.
        }

        return rows;
    }
}
