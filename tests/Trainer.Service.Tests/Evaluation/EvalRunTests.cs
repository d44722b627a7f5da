using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Hosting;
using Rlhf.Hosting.Messaging;
using Rlhf.TaskFamilies;
using Rlhf.Training.Publishing;
using Trainer.Service.Consumers;

namespace Trainer.Service.Tests.Evaluation;

/// <summary>An evaluation from its message to its rows, on the trainer with its worker and the model that ships.</summary>
public sealed class EvalRunTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eval-").FullName;
    private readonly IHost _host;
    private readonly Project _project = new()
    {
        Name = "Test",
        Slug = "test",
        Seed = 7,
        EvaluationConfigJson = """{"tasks":["question","repetition"],"limit":2,"num_fewshot":0,"chain_of_thought":false,"max_new_tokens":6,"bootstrap_iters":100}""",
    };

    private Guid _first, _second;

    public EvalRunTests()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Database:ConnectionString"] = $"Data Source={Path.Combine(_folder, "rlhf.db")}",
            ["Storage:DataDirectory"] = _folder,
            ["Messaging:PollInterval"] = "00:00:00.050",
            ["Runs:PollInterval"] = "00:00:00.050",
        });
        builder.AddTrainer();
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.Services.AddRlhfMessaging(builder.Configuration, bus => bus.AddTrainerConsumers());
        _host = builder.Build();
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await _host.Services.GetRequiredService<DatabaseMigrator>().MigrateAsync();
        var store = _host.Services.GetRequiredService<CheckpointStore>();
        await using var db = Db();
        db.Projects.Add(_project);
        foreach (var (task, i) in DemoProject.Prompts(3, heldOut: true).Select((t, i) => (t, i)))
        {
            db.Prompts.Add(new Prompt
            {
                ProjectId = _project.Id, Text = task.Text, Split = Splits.HeldOut, Family = task.Family, SpecJson = task.SpecJson, ContentHash = $"{i}", Sequence = i,
            });
        }

        await db.SaveChangesAsync(Stop);
        var checkpoints = Enumerable.Range(0, 2).Select(v =>
        {
            var published = store.Publish(Copy, 0);
            return new Checkpoint
            {
                ProjectId = _project.Id, Kind = CheckpointKinds.Policy, Version = v, Path = published.Path, ContentHash = published.ContentHash, SizeBytes = published.SizeBytes,
            };
        }).ToArray();
        db.Checkpoints.AddRange(checkpoints);
        await db.SaveChangesAsync(Stop);
        (_first, _second) = (checkpoints[0].Id, checkpoints[1].Id);
        await _host.StartAsync(Stop);
    }

    [Fact]
    public async Task StartRun_DeliveredTwice_OneRunWhoseRowsAreThereOnce()
    {
        var command = new StartRun
        {
            CommandId = Guid.CreateVersion7(), ProjectId = _project.Id, Kind = RunKinds.Eval, Seed = 5, PolicyCheckpointId = _second, BaselineCheckpointId = _first, BlindComparisons = 2,
        };
        var bus = _host.Services.GetRequiredService<IBus>();
        await bus.Publish(command, Stop);
        await WaitAsync(db => db.Runs.AnyAsync(r => r.Status != RunStatuses.Queued && r.Status != RunStatuses.Running));

        // The consumers of policy runs and of evaluations both take it.
        var again = Guid.CreateVersion7();
        await bus.Publish(command, context => context.MessageId = again, Stop);
        await WaitAsync(async db => await db.Inbox.CountAsync(i => i.MessageId == again) == 2);

        await using var db = Db();
        var run = await db.Runs.SingleAsync(Stop);
        Assert.Equal((RunStatuses.Completed, (string?)null, -10), (run.Status, run.Error, run.Priority));
        var results = await db.EvaluationResults.ToListAsync(Stop);
        Assert.All(results, r => Assert.Equal((run.Id, _second, 5L), (r.RunId, r.CheckpointId, r.Seed)));
        Assert.Equal(["question/zero-shot/pass_rate", "question/zero-shot/score"], results.Where(r => r.Task == "question").Select(r => $"{r.Task}/{r.Variant}/{r.Metric}").Order(StringComparer.Ordinal));

        // The same weights under two names: nobody wins, and the answers are equal.
        var rate = results.Single(r => r is { Task: WinRateNames.Task, Metric: WinRateNames.Metric, Variant: WinRateNames.Checker });
        Assert.Equal((_first, 0.5, 2), (rate.BaselineCheckpointId, rate.Value, rate.Count));
        Assert.All(results.Where(r => r.Task != WinRateNames.Task), r => Assert.Null(r.BaselineCheckpointId));

        // Two prompts, and an answer of each policy to both.
        var completions = await db.Completions.OrderBy(c => c.PromptId).ThenBy(c => c.Index).ToListAsync(Stop);
        Assert.Equal([0, 1, 0, 1], completions.Select(c => c.Index));
        Assert.All(completions.GroupBy(c => c.PromptId), pair => Assert.Equal(new HashSet<Guid?> { _first, _second }, pair.Select(c => c.CheckpointId).ToHashSet()));
        Assert.False(await db.Cycles.AnyAsync(Stop));
    }

    [Theory]
    [InlineData(
        """{"tasks":["no-such"],"limit":"many","ngram_order":11,"shots":3}""",
        "after 1 deliver", "5 faults", "tasks has 'no-such'", "limit is \"many\"", "ngram_order is 11", "shots is unknown", "blind_comparisons is -1")]
    [InlineData("[1", "it is not JSON")]
    public async Task StartRun_WithFaults_QueuesNothing_AndAFailedRunListsThemAll(string config, params string[] faults)
    {
        await using (var db = Db())
        {
            await db.Projects.ExecuteUpdateAsync(set => set.SetProperty(p => p.EvaluationConfigJson, config), Stop);
        }

        var command = new StartRun
        {
            CommandId = Guid.CreateVersion7(), ProjectId = _project.Id, Kind = RunKinds.Eval, Seed = 5, PolicyCheckpointId = _second, BlindComparisons = -1,
        };
        await _host.Services.GetRequiredService<IBus>().Publish(command, Stop);
        await WaitAsync(db => db.Runs.AnyAsync(Stop));

        await using var after = Db();
        var run = await after.Runs.SingleAsync(Stop);
        Assert.Equal((command.CommandId, RunStatuses.Failed, 0, _second), (run.Id, run.Status, run.Attempt, run.PolicyCheckpointId));
        Assert.All(faults, fault => Assert.Contains(fault, run.Error, StringComparison.Ordinal));
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync(CancellationToken.None);
        _host.Dispose();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
    }

    private static void Copy(string directory)
    {
        Directory.CreateDirectory(directory);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "models", "base")))
        {
            File.Copy(file, Path.Combine(directory, Path.GetFileName(file)));
        }
    }

    private AppDbContext Db() => _host.Services.GetRequiredService<IDbContextFactory<AppDbContext>>().CreateDbContext();

    private async Task WaitAsync(Func<AppDbContext, Task<bool>> until)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromMinutes(5));
        while (true)
        {
            await using (var db = Db())
            {
                if (await until(db))
                {
                    return;
                }
            }

            await Task.Delay(50, timeout.Token);
        }
    }
}
