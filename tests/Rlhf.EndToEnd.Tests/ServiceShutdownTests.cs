using System.Text.RegularExpressions;
using Microsoft.Data.Sqlite;

namespace Rlhf.EndToEnd.Tests;

/// <summary>
/// SIGTERM ends a service in order, whatever it does: exit code 0. A host that does not get done within its own limit (45 s) ends with another code.
/// </summary>
public sealed partial class ServiceShutdownTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    [Theory]
    [InlineData("Labeling.Web")]
    [InlineData("Trainer.Service")]
    [InlineData("RewardModel.Service")]
    public async Task Sigterm_Idle_EndsInOrder(string service)
    {
        using var folder = new TemporaryDirectory();
        await using var process = Start(service, folder["data"]);
        await process.WaitForAsync(Listening(), Patience);

        process.Terminate();

        Assert.True(await process.ExitAsync(Patience) == 0, process.Output + process.Error);
    }

    [Fact]
    public async Task Sigterm_WhileARunIsUnderWay_GivesTheRunBack()
    {
        using var folder = new TemporaryDirectory();
        var (code, _, error) = await RlhfProcess.RunAsync(Environment(folder["data"]), "seed");
        Assert.True(code == 0, error);
        await using var process = Start("Trainer.Service", folder["data"]);
        await process.WaitForAsync(Started(), Patience);

        process.Terminate();

        Assert.True(await process.ExitAsync(Patience) == 0, process.Output + process.Error);
        var status = Status(Path.Combine(folder["data"], "rlhf.db"));
        Assert.True(status is "queued" or "completed", $"the run is {status}\n{process.Output}");
        Assert.Matches(status == "queued" ? Interrupted() : Completed(), process.Output);
    }

    private static RlhfProcess Start(string service, string data)
    {
        var environment = Environment(data);
        environment["RLHF_CLI"] = RlhfProcess.Assembly(service, $"{service}.dll");
        environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        return RlhfProcess.Start(environment);
    }

    private static Dictionary<string, string> Environment(string data) => new() { ["Storage__DataDirectory"] = data };

    private static string? Status(string database)
    {
        using var connection = new SqliteConnection($"Data Source={database};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT Status FROM Runs";
        return (string?)command.ExecuteScalar();
    }

    [GeneratedRegex("Now listening on: http")]
    private static partial Regex Listening();

    [GeneratedRegex("Run .* started on .*, attempt 1")]
    private static partial Regex Started();

    [GeneratedRegex("was interrupted and goes on at the next start")]
    private static partial Regex Interrupted();

    [GeneratedRegex("Run .* completed")]
    private static partial Regex Completed();
}
