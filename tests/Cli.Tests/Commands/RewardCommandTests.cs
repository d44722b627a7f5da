using System.CommandLine;
using System.Text.Json;
using Rlhf.Cli;
using Rlhf.Cli.Commands;
using Rlhf.Datasets;
using Rlhf.TestSupport;

namespace Cli.Tests.Commands;

/// <summary>A reward model of a few comparisons from the model that ships, and what can be done with it.</summary>
public sealed class RewardCommandTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("rlhf-cli-reward-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Reward_Ensemble_IsCalibratedAndChoosesTheBestOfN()
    {
        var data = Path.Combine(_directory, "rankings.jsonl");
        await File.WriteAllLinesAsync(data, Enumerable.Range(0, 6).SelectMany(i => new[]
        {
            $$"""{"instruction": "Name {{i}} fruits.", "output_1": "Apples and pears.", "output_2": "Go away.", "preference": 1, "agreement": 0.8, "annotators": 5}""",
            $$"""{"instruction": "Name {{i}} trees.", "output_1": "Oaks.", "output_2": "Elms.", "preference": 1.5}""",
        }));
        var config = Path.Combine(_directory, "config.json");
        await File.WriteAllTextAsync(config, """{"batch_size": 2, "epochs": 1}""");
        var reward = Path.Combine(_directory, "reward");

        Assert.Equal(0, await Run(RewardCommand.Create(), "--dataset", data, "--train-size", "8", "--loss", "davidson", "--ensemble", "2", "--uncertainty-penalty", "0.5", "--config", config, "--output", reward));

        using var ensemble = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(reward, "ensemble.json")));
        Assert.Equal(2, ensemble.RootElement.GetProperty("members").GetInt32());
        using var calibration = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(reward, "calibration.json")));

        // Two of the four held-out rows are ties, which decide nothing; (0.8·5 − 1)/4 of the others agree with a label.
        Assert.Equal(2, calibration.RootElement.GetProperty("decided").GetInt32());
        Assert.Equal(0.75, calibration.RootElement.GetProperty("human_agreement").GetDouble(), 1e-12);
        Assert.Equal(2, calibration.RootElement.GetProperty("before").GetProperty("bins").EnumerateArray().Sum(b => b.GetProperty("count").GetInt32()));

        var output = new StringWriter();
        Assert.Equal(0, await Run(
            GenerateCommand.Create(), output, "--prompt", "Name two fruits.", "--instruction", "--max-new-tokens", "6", "--best-of-n", "3", "--reward-model", reward, "--json"));
        var samples = output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement).ToArray();
        Assert.Equal(3, samples.Length);
        Assert.Equal(samples.Select(s => s.GetProperty("reward").GetDouble()).OrderDescending(), samples.Select(s => s.GetProperty("reward").GetDouble()));
        Assert.Equal(Math.Log(3) - (2.0 / 3), samples[0].GetProperty("klBound").GetDouble(), 1e-12);

        // The gate is looked at before anything is trained.
        var refused = await Assert.ThrowsAsync<UserException>(() => Run(
            OnlineCommands.Raft(), "--reward-model", reward, "--reward-accuracy-gate", "1.01", "--output", Path.Combine(_directory, "policy")));
        Assert.Contains("below the gate", refused.Message, StringComparison.Ordinal);
    }

    // K-wise (Ouyang et al. 2022) and Plackett–Luce, from a file of rankings to a model that scores.
    [Theory]
    [InlineData("k_wise")]
    [InlineData("plackett_luce")]
    public async Task Reward_RankingsOfK_TrainAModel(string loss)
    {
        var data = Path.Combine(_directory, "rankings.jsonl");
        await File.WriteAllLinesAsync(data, Enumerable.Range(0, 6).Select(i =>
            $$"""{"prompt": "Name {{i}} fruits.", "completions": ["Go away.", "Apples and pears.", "Spoons."], "ranks": [3, 1, 2]}"""));
        var config = Path.Combine(_directory, "config.json");
        await File.WriteAllTextAsync(config, """{"batch_size": 2, "epochs": 1}""");
        var reward = Path.Combine(_directory, "reward");

        Assert.Equal(0, await Run(RewardCommand.Create(), "--dataset", data, "--train-size", "4", "--loss", loss, "--config", config, "--output", reward));

        // Two held-out rankings of three are 2 · 3 comparisons.
        using var calibration = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(reward, "calibration.json")));
        Assert.Equal(6, calibration.RootElement.GetProperty("decided").GetInt32());
        Assert.True(File.Exists(Path.Combine(reward, "model.safetensors")));
    }

    [Fact]
    public async Task Reward_BrokenRanking_IsNamedAndNothingIsTrained()
    {
        var data = Path.Combine(_directory, "rankings.jsonl");
        var reward = Path.Combine(_directory, "reward");
        await File.WriteAllTextAsync(data, """
            {"prompt": "a", "completions": ["b", "c"], "ranks": [1, 2]}
            {"prompt": "a", "completions": ["b", "c"], "ranks": [1]}
            {"prompt": "a", "completions": ["b"], "ranks": ["first"]}
            """);

        var fault = await Assert.ThrowsAsync<DatasetException>(() => Run(RewardCommand.Create(), "--dataset", data, "--output", reward));

        Assert.Contains("2 of 3 rows cannot be read as ranking. Nothing was used.", fault.Message, StringComparison.Ordinal);
        Assert.Contains("line 2: a ranking has 2 completions or more", fault.Message, StringComparison.Ordinal);
        Assert.Contains("line 3: field \"ranks\"[0] is not a whole number", fault.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(reward) && Directory.EnumerateFiles(reward).Any());
    }

    // A tool's message has no place in the layout of a model without a chat template.
    [Fact]
    public async Task Reward_ConversationThatCannotBeLaidOut_IsNamedByItsLine()
    {
        var data = Path.Combine(_directory, "tools.jsonl");
        const string Good = """{"prompt": "a", "chosen": "b", "rejected": "c"}""";
        await File.WriteAllLinesAsync(data, [Good, """{"prompt": [{"role": "user", "content": "a"}, {"role": "tool", "content": "x"}], "chosen": [{"role": "assistant", "content": "b"}], "rejected": [{"role": "assistant", "content": "c"}]}""", Good]);

        var fault = await Assert.ThrowsAsync<DatasetException>(() => Run(RewardCommand.Create(), "--dataset", data, "--test-size", "0", "--output", Path.Combine(_directory, "reward")));

        Assert.Contains("1 of 3 rows cannot be encoded. Nothing was used.\n  line 2: message 2 has role \"tool\"", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Raft_TaskChecker_NeedsNoRewardModel()
    {
        var config = Path.Combine(_directory, "config.json");
        await File.WriteAllTextAsync(config, """{"updates": 1, "batch_size": 4, "num_generations": 2, "max_new_tokens": 4, "evaluate_every": 1}""");
        var target = Path.Combine(_directory, "policy");

        Assert.Equal(0, await Run(OnlineCommands.Raft(), "--reward-funcs", "task-checker", "--config", config, "--output", target));

        Assert.True(File.Exists(Path.Combine(target, "model.safetensors")));
    }

    [Fact]
    public async Task Commands_OptionsThatDoNotFit_AreRefused()
    {
        var target = Path.Combine(_directory, "out");

        Assert.Contains("give --reward-model, --reward-funcs, or both", (await Refused(OnlineCommands.Grpo(), "--output", target)).Message, StringComparison.Ordinal);
        Assert.Contains("--reward-weights has 2 numbers for 1 rewards", (await Refused(PpoCommand.Create(), "--reward-funcs", "task-checker", "--reward-weights", "1", "2", "--output", target)).Message, StringComparison.Ordinal);
        Assert.Contains("belong together", (await Refused(GenerateCommand.Create(), "--prompt", "x", "--best-of-n", "4")).Message, StringComparison.Ordinal);
        var sampling = await Refused(GenerateCommand.Create(), "--prompt", "x", "--best-of-n", "0", "--reward-model", target, "--temperature", "0", "--stream");
        Assert.Contains("--best-of-n is 0", sampling.Message, StringComparison.Ordinal);
        Assert.Contains("a --temperature above 0", sampling.Message, StringComparison.Ordinal);
        Assert.Contains("--stream", sampling.Message, StringComparison.Ordinal);
    }

    private static string Base => Path.Combine(SharedData.RepositoryRoot, "models", "base");

    private static async Task<UserException> Refused(Command command, params string[] arguments) =>
        await Assert.ThrowsAsync<UserException>(() => Run(command, arguments));

    private static Task<int> Run(Command command, params string[] arguments) => Run(command, TextWriter.Null, arguments);

    private static Task<int> Run(Command command, TextWriter output, params string[] arguments) => command.Parse([.. arguments, "--model", Base])
        .InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, Output = output }, TestContext.Current.CancellationToken);
}
