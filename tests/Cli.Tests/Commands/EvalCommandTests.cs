using System.CommandLine;
using System.Text.Json;
using Rlhf.Cli;
using Rlhf.Cli.Commands;

namespace Cli.Tests.Commands;

/// <summary>On the model that ships; how good it is is not looked at.</summary>
public sealed class EvalCommandTests : IDisposable
{
    private static readonly string[] s_small = ["--tasks", "question,bias_pairs", "--limit", "2", "--num-fewshot", "1", "--max-new-tokens", "6", "--bootstrap-iters", "100"];

    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Eval_Json_EveryResultTheSameForTheSameSeed()
    {
        var file = Path.Combine(_folder, "results.csv");
        var text = await Run([.. s_small, "--json", "--out", file]);
        Assert.Equal(text, await Run([.. s_small, "--json"]));

        using var report = JsonDocument.Parse(text);
        var results = report.RootElement.GetProperty("results").EnumerateArray().ToArray();
        Assert.Contains(results, r => r.GetProperty("task").GetString() == "question" && r.GetProperty("variant").GetString() == "1-shot");
        Assert.All(results, r => Assert.True(r.GetProperty("count").GetInt32() > 0));
        var lines = await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken);
        Assert.Equal("task,variant,metric,value,low,high,count", lines[0]);
        Assert.Equal(results.Length + 1, lines.Length);
    }

    [Fact]
    public async Task Eval_AgainstItself_WinsHalf()
    {
        var file = Path.Combine(_folder, "results.json");
        await Run([.. s_small, "--against", BaseModel.Directory, "--out", file]);
        using var report = JsonDocument.Parse(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
        var rate = report.RootElement.GetProperty("results").EnumerateArray().Single(r => r.GetProperty("metric").GetString() == "win_rate");
        Assert.Equal(("checker", 0.5), (rate.GetProperty("variant").GetString(), rate.GetProperty("value").GetDouble()));
    }

    [Fact]
    public async Task Eval_Files_ReplaceTheLists()
    {
        var (text, pairs, harmful) = (Path.Combine(_folder, "text.txt"), Path.Combine(_folder, "pairs.csv"), Path.Combine(_folder, "harmful.txt"));
        await File.WriteAllLinesAsync(text, Enumerable.Range(0, 20).Select(i => $"The cat has {i} balls."), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(pairs, "sent_more,sent_less,bias_type\nThe boy ran.,The girl ran.,gender\n", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(harmful, "Hurt the cat.\n", TestContext.Current.CancellationToken);
        using var report = JsonDocument.Parse(await Run(
            "--tasks", "perplexity,bias_pairs,refusal", "--perplexity", text, "--bias-pairs", pairs, "--harmful-prompts", harmful, "--max-new-tokens", "4", "--bootstrap-iters", "100", "--json"));

        // Two of twenty documents are measured, one pair, one request.
        var counts = report.RootElement.GetProperty("results").EnumerateArray().Select(r => (r.GetProperty("task").GetString(), r.GetProperty("count").GetInt32())).Distinct();
        Assert.Equal([("perplexity", 2), ("bias_pairs", 1), ("refusal", 1)], counts);
    }

    [Fact]
    public async Task Eval_BadOptions_AreAllNamed()
    {
        var exception = await Assert.ThrowsAsync<UserException>(() => Run("--tasks", "chess", "--limit", "0", "--reward-model", "x", "--out", "results.txt"));
        Assert.Contains("tasks has 'chess'", exception.Message, StringComparison.Ordinal);
        Assert.Contains("limit is 0", exception.Message, StringComparison.Ordinal);
        Assert.Contains("--reward-model compares answers of two models", exception.Message, StringComparison.Ordinal);
        Assert.Contains("must end in .json or .csv", exception.Message, StringComparison.Ordinal);
    }

    private static async Task<string> Run(params string[] arguments)
    {
        using var output = new StringWriter();
        var root = new RootCommand { EvalCommand.Create() };
        var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, Output = output };
        Assert.Equal(0, await root.Parse(["eval", .. arguments]).InvokeAsync(configuration, TestContext.Current.CancellationToken));
        return output.ToString();
    }
}
