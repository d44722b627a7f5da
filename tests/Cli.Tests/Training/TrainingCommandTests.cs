using System.CommandLine;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using RewardModel.Service.Training;
using Rlhf.Cli;
using Rlhf.Cli.Commands;
using Rlhf.Training.Checkpointing;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using TorchSharp;
using Trainer.Service.Algorithms.Online;
using Trainer.Service.Algorithms.Ppo;
using Trainer.Service.Algorithms.Preference;
using Trainer.Service.Algorithms.Pretraining;
using Trainer.Service.Algorithms.Sft;

namespace Cli.Tests.Training;

/// <summary>The training commands on a model of a few thousand weights.</summary>
public sealed class TrainingCommandTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("rlhf-cli-").FullName;

    public TrainingCommandTests()
    {
        TinyPolicy.Write(At("model"), At("reward"));
        File.WriteAllLines(At("sft.jsonl"), Enumerable.Range(0, 6).Select(i => $$"""{"prompt": "Name colour {{i}}.", "completion": "red {{i}}"}"""));
        File.WriteAllLines(At("pairs.jsonl"), Enumerable.Range(0, 6).Select(i => $$"""{"prompt": "Name colour {{i}}.", "chosen": "red {{i}}", "rejected": "a colour"}"""));
        File.WriteAllLines(At("answers.jsonl"), Enumerable.Range(0, 6).Select(i => $$"""{"prompt": "Name colour {{i}}.", "completion": "red", "label": {{(i % 2 == 0 ? "true" : "false")}}}"""));
        File.WriteAllLines(At("prompts.jsonl"), ["""{"prompt": "Name a colour."}""", """{"prompt": "Name two."}"""]);
    }

    public static TheoryData<string> Commands => ["sft", "reward", "dpo", "kto", "orpo", "simpo", "ppo", "grpo", "rloo", "reinforce"];

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task Train_EveryCommand_WritesModelAverageAndMetrics(string name)
    {
        Assert.Equal(0, await Run(name, [.. Data(name), "--output-dir", At("out"), "--ema-decay", "0.5", "--gradient-checkpointing", "--report-to", "jsonl", "tensorboard"]));

        Assert.True(File.Exists(At("out/model.safetensors")));
        Assert.True(File.Exists(At("out_ema/model.safetensors")));
        Assert.NotEqual(File.ReadAllBytes(At("out/model.safetensors")), File.ReadAllBytes(At("out_ema/model.safetensors")));
        Assert.Single(Directory.GetFiles(At("out.state"), "events.out.tfevents.*"));
        Assert.Equal([1, 2], MetricsSteps("out").Distinct());
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task Help_EveryCommand_NamesEveryHyperparameterWithItsDefault(string name)
    {
        var (command, config) = Method(name);
        using var text = new StringWriter();

        await new RootCommand { command }.Parse([name, "--help"]).InvokeAsync(new InvocationConfiguration { Output = text }, TestContext.Current.CancellationToken);

        var help = string.Join(' ', text.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        foreach (var key in Keys(config.GetType()))
        {
            Assert.Contains("--" + key.Replace('_', '-') + (key.Contains('_', StringComparison.Ordinal) ? $", --{key}" : ""), help, StringComparison.Ordinal);
        }

        Assert.Contains("[default: 0.9]", help, StringComparison.Ordinal);
        Assert.Contains("--resume", help, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Train_FlagsAndFile_AreTheSameRunAndTheFlagWins()
    {
        File.WriteAllText(At("a.json"), """{"learning_rate": 0.01, "batch_size": 3, "seed": 7, "schedule": "constant"}""");
        File.WriteAllText(At("b.json"), """{"learning_rate": 0.5, "seed": 7}""");
        await Run("sft", ["--model", At("model"), "--dataset", At("sft.jsonl"), "--config", At("a.json"), "--output", At("a")]);
        await Run("sft", ["--model", At("model"), "--dataset", At("sft.jsonl"), "--config", At("b.json"), "--learning_rate", "0.01", "--batch-size", "3", "--schedule", "constant", "--output", At("b")]);
        await Run("sft", ["--model", At("model"), "--dataset", At("sft.jsonl"), "--config", At("a.json"), "--seed", "8", "--output", At("c")]);

        Assert.Equal(File.ReadAllBytes(At("a/model.safetensors")), File.ReadAllBytes(At("b/model.safetensors")));
        Assert.NotEqual(File.ReadAllBytes(At("a/model.safetensors")), File.ReadAllBytes(At("c/model.safetensors")));
    }

    [Fact]
    public async Task Train_FaultsInFlagsAndFile_AreToldTogether()
    {
        File.WriteAllText(At("bad.json"), """{"epoch": 3, "batch_size": 0}""");

        var exception = await Assert.ThrowsAsync<HyperparametersException>(() => Run(
            "dpo", [.. Data("dpo"), "--config", At("bad.json"), "--learning-rate", "fast", "--loss-type", "best", "--ema-decay", "1", "--num-decay-steps", "3", "--output", At("out")]));

        // The loss of batch_size is a flag's in Data: flags win, also over faults.
        Assert.Equal(5, exception.Faults.Count);
        Assert.Contains(exception.Faults, f => f.StartsWith("epoch is unknown", StringComparison.Ordinal));
        Assert.Contains(exception.Faults, f => f.StartsWith("learning_rate is \"fast\"", StringComparison.Ordinal));
        Assert.Contains(exception.Faults, f => f.StartsWith("loss_type is [\"best\"]", StringComparison.Ordinal));
        Assert.Contains(exception.Faults, f => f.StartsWith("ema_decay is 1", StringComparison.Ordinal));
        Assert.Contains(exception.Faults, f => f.StartsWith("num_decay_steps is 3", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Resume_TrueNeedsAState_FalseBeginsAnew_AndWithoutTheFlagARunGoesOn()
    {
        string[] arguments = [.. Data("sft"), "--output", At("out")];

        Assert.Contains("--resume", (await Assert.ThrowsAsync<UserException>(() => Run("sft", [.. arguments, "--resume"]))).Message, StringComparison.Ordinal);
        await Run("sft", arguments);
        var first = File.ReadAllBytes(At("out/model.safetensors"));

        // All steps are done: what goes on has nothing to report, what begins anew reports them again.
        File.Delete(At("out.state/metrics.jsonl"));
        await Run("sft", [.. arguments, "--resume"]);
        await Run("sft", arguments);
        Assert.False(File.Exists(At("out.state/metrics.jsonl")));
        await Run("sft", [.. arguments, "--resume", "false"]);
        Assert.Equal([1, 2], MetricsSteps("out"));
        Assert.Equal(first, File.ReadAllBytes(At("out/model.safetensors")));

        var other = await Assert.ThrowsAsync<TrainingStateException>(() => Run("sft", [.. arguments, "--seed", "5"]));
        Assert.Contains("--resume false", UserFault.Message(other), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Device_ThatIsNotThere_IsRefusedClearly()
    {
        string[] arguments = [.. Data("sft"), "--output", At("out"), "--device"];

        Assert.Contains("cpu, cuda, cuda:N", (await Assert.ThrowsAsync<UserException>(() => Run("sft", [.. arguments, "gpu"]))).Message, StringComparison.Ordinal);
        Assert.Contains("cuda:999", (await Assert.ThrowsAsync<UserException>(() => Run("sft", [.. arguments, "cuda:999"]))).Message, StringComparison.Ordinal);
        Assert.SkipWhen(torch.cuda.is_available(), "this machine has a GPU");
        Assert.Contains("no NVIDIA GPU", (await Assert.ThrowsAsync<UserException>(() => Run("sft", [.. arguments, "cuda"]))).Message, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Keys(Type config) => config.GetProperties()
        .Where(p => p.CanWrite && p.GetCustomAttribute<JsonIgnoreAttribute>() is null).Select(p => JsonNamingPolicy.SnakeCaseLower.ConvertName(p.Name));

    private static (Command Command, IHyperparameters Config) Method(string name) => name switch
    {
        "sft" => (SftCommand.Create(), new SftConfig()),
        "reward" => (RewardCommand.Create(), new RewardModelConfig()),
        "dpo" => (PreferenceCommands.Dpo(), new DpoConfig()),
        "kto" => (PreferenceCommands.Kto(), new KtoConfig()),
        "orpo" => (PreferenceCommands.Orpo(), new OrpoConfig()),
        "simpo" => (PreferenceCommands.Simpo(), new SimpoConfig()),
        "ppo" => (PpoCommand.Create(), new PpoConfig()),
        "grpo" => (OnlineCommands.Grpo(), new GrpoConfig()),
        "rloo" => (OnlineCommands.Rloo(), new RlooConfig()),
        "reinforce" => (OnlineCommands.Reinforce(), new ReinforceConfig()),
        "pretrain" => (PretrainCommand.Create(), new PretrainConfig()),
        _ => throw new ArgumentException(name),
    };

    private static Task<int> Run(string name, string[] arguments) => Method(name).Command.Parse(arguments)
        .InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }, TestContext.Current.CancellationToken);

    // Two steps or updates of every method.
    private string[] Data(string name) => name switch
    {
        "sft" => ["--model", At("model"), "--dataset", At("sft.jsonl"), "--batch-size", "3"],
        "kto" => ["--model", At("model"), "--dataset", At("answers.jsonl"), "--train-size", "4", "--batch-size", "2"],
        "reward" or "dpo" or "orpo" or "simpo" => ["--model", At("model"), "--dataset", At("pairs.jsonl"), "--train-size", "4", "--batch-size", "2"],
        _ => ["--model", At("model"), "--reward-model", At("reward"), "--prompts", At("prompts.jsonl"), "--updates", "2", "--batch-size", "8", "--max-new-tokens", "4"],
    };

    private IEnumerable<int> MetricsSteps(string output) => File.ReadLines(At($"{output}.state/{MetricsJsonl.FileName}"))
        .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("step").GetInt32());

    private string At(string name) => Path.Combine(_directory, name);
}
