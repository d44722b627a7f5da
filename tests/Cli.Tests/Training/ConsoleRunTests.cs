using System.CommandLine;
using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Rlhf.Cli.AllInOne;
using Rlhf.Cli.Commands;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Hosting;
using Rlhf.Training.Publishing;

namespace Cli.Tests.Training;

/// <summary>A run of a project and the command on the same data in files give the same weights, byte for byte.</summary>
public sealed class ConsoleRunTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(8);
    private readonly string _directory = Directory.CreateTempSubdirectory("rlhf-console-").FullName;

    public ConsoleRunTests()
    {
        TinyPolicy.Write(At("model"), At("reward"));
        File.WriteAllLines(At("pairs.jsonl"), Enumerable.Range(0, 6).Select(i => $$"""{"prompt": "Name colour {{i}}.", "chosen": "red {{i}}", "rejected": "a colour"}"""));
        File.WriteAllLines(At("prompts.jsonl"), Enumerable.Range(0, 6).Select(i => $$"""{"prompt": "Name colour {{i}}."}"""));
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        Directory.Delete(_directory, recursive: true);
    }

    [Theory]
    [InlineData(RunKinds.Dpo)]
    [InlineData(RunKinds.Kto)]
    [InlineData(RunKinds.Grpo)]
    [InlineData(RunKinds.OnlineDpo)]
    [InlineData(RunKinds.Ppo)]
    [InlineData(RunKinds.Ppo, true)]
    public async Task RunAndCommand_SameWeights(string kind, bool valueHead = false)
    {
        var offline = kind is RunKinds.Dpo or RunKinds.Kto;
        Dictionary<string, string> hyperparameters = new() { ["batch_size"] = offline ? "3" : "8", ["learning_rate"] = "0.001" };
        foreach (var (name, value) in offline ? [("epochs", "2")] : new[] { ("updates", "2"), ("max_new_tokens", "4") })
        {
            hyperparameters[name] = value;
        }

        if (valueHead)
        {
            hyperparameters["value_head"] = "true";
        }

        var run = await RunAsync(kind, $$"""{"algorithm": "{{kind}}", {{string.Join(", ", hyperparameters.Select(h => $"\"{h.Key}\": {h.Value}"))}}}""");

        Command[] commands = [PreferenceCommands.Dpo(), PreferenceCommands.Kto(), OnlineCommands.Grpo(), OnlineCommands.OnlineDpo(), PpoCommand.Create()];
        Assert.Equal(0, await CommandAsync(
            commands.Single(c => c.Name == kind),
            [
                .. offline ? ["--dataset", At("pairs.jsonl"), "--test-size", "0"] : (string[])["--reward-model", At("reward"), "--prompts", At("prompts.jsonl")],
                .. hyperparameters.SelectMany(h => new[] { "--" + h.Key.Replace('_', '-'), h.Value }),
            ]));
        Assert.Equal(File.ReadAllBytes(At("out/model.safetensors")), run);
        Assert.NotEqual(File.ReadAllBytes(At("model/model.safetensors")), run);
    }

    private Task<int> CommandAsync(Command command, params string[] arguments) => command
        .Parse(["--model", At("model"), "--seed", "5", "--output", At("out"), .. arguments])
        .InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }, Stop);

    /// <summary>The weights that a run of a project publishes.</summary>
    private async Task<byte[]> RunAsync(string kind, string config)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.AddInMemoryCollection([new("Storage:DataDirectory", At("data")), new("Runs:PollInterval", "00:00:00.100")]);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        EmbeddedSystem.AddServices(builder);
        await using var app = builder.Build();
        await app.Services.GetRequiredService<DatabaseMigrator>().MigrateAsync(Stop);
        var command = Guid.CreateVersion7();
        await AskAsync(app.Services, command, kind, config);
        await app.StartAsync(Stop);
        var weights = await WaitAsync(app.Services, command);
        await app.StopAsync(Stop);
        return weights;
    }

    private async Task AskAsync(IServiceProvider services, Guid command, string kind, string config)
    {
        var store = services.GetRequiredService<CheckpointStore>();
        await using var db = await services.GetRequiredService<IDbContextFactory<AppDbContext>>().CreateDbContextAsync(Stop);

        // Paused: the planner has nothing of its own to do here.
        var project = new Project { Name = "Test", Slug = "test", PpoConfigJson = config, PausedAt = DateTimeOffset.UtcNow, CreatedAt = DateTimeOffset.UtcNow };
        db.Projects.Add(project);
        for (var i = 0; i < 6; i++)
        {
            var prompt = new Prompt { ProjectId = project.Id, Text = $"Name colour {i}.", ContentHash = $"{i}", Sequence = i, Split = Splits.Train };
            var (good, bad) = (new Completion { PromptId = prompt.Id, Text = $"red {i}", FinishReason = "stop" }, new Completion { PromptId = prompt.Id, Text = "a colour", FinishReason = "stop" });
            var (a, b) = i % 2 == 0 ? (good, bad) : (bad, good);
            var task = new ComparisonTask { ProjectId = project.Id, PromptId = prompt.Id, CompletionAId = a.Id, CompletionBId = b.Id, Sequence = i };
            db.AddRange(prompt, a, b, task, new Judgment { TaskId = task.Id, ProjectId = project.Id, Choice = a == good ? Choices.A : Choices.B, Split = Splits.Train });
        }

        await db.SaveChangesAsync(Stop);
        var policy = Checkpoint(CheckpointKinds.Policy, store.Import(At("model")));
        var reward = Checkpoint(CheckpointKinds.RewardModel, store.Import(At("reward")));
        db.AddRange(policy, reward);
        OutboxWriter.Add(db, new StartRun { CommandId = command, ProjectId = project.Id, Kind = kind, Seed = 5, PolicyCheckpointId = policy.Id, RewardCheckpointId = reward.Id });
        await db.SaveChangesAsync(Stop);

        Checkpoint Checkpoint(string of, PublishedDirectory published) => new()
        {
            ProjectId = project.Id, Kind = of, Path = published.Path, ContentHash = published.ContentHash, SizeBytes = published.SizeBytes, CreatedAt = DateTimeOffset.UtcNow,
        };
    }

    private static async Task<byte[]> WaitAsync(IServiceProvider services, Guid command)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            await Task.Delay(50, Stop);
            await using var db = await services.GetRequiredService<IDbContextFactory<AppDbContext>>().CreateDbContextAsync(Stop);
            var run = await db.Runs.AsNoTracking().SingleOrDefaultAsync(r => r.Id == command, Stop);
            Assert.False(run?.Status == RunStatuses.Failed, run?.Error);
            Assert.True(clock.Elapsed < s_patience, $"the run is not completed but {run?.Status ?? "not queued"}");
            if (run?.Status == RunStatuses.Completed)
            {
                var checkpoint = await db.Checkpoints.SingleAsync(c => c.Id == run.OutputCheckpointId, Stop);
                var directory = services.GetRequiredService<CheckpointStore>().Verify(checkpoint.Path, checkpoint.ContentHash);
                return await File.ReadAllBytesAsync(Path.Combine(directory, "model.safetensors"), Stop);
            }
        }
    }

    private string At(string name) => Path.Combine(_directory, name);
}
