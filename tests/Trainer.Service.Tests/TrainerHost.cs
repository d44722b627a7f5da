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
using Trainer.Service.Consumers;
using Trainer.Service.Cycles;

namespace Trainer.Service.Tests;

/// <summary>The trainer's consumers on a real bus and a migrated SQLite file; no worker, so runs stay queued.</summary>
internal sealed class TrainerHost : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("trainer-").FullName;
    private readonly IHost _host;

    private TrainerHost()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Database:ConnectionString"] = $"Data Source={Path.Combine(_folder, "rlhf.db")}",
            ["Storage:DataDirectory"] = _folder,
            ["Messaging:PollInterval"] = "00:00:00.050",
        });
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.Services.AddRlhfMessaging(builder.Configuration, bus => bus.AddTrainerConsumers());
        builder.Services.AddCyclePlanner();
        _host = builder.Build();
    }

    public Project Project { get; } = new()
    {
        Name = "Test",
        Slug = "test",
        JudgmentsPerCycle = 3,
        PromptsPerCycle = 5,
        RewardAccuracyGate = 0.6,
        CreatedAt = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero),
        Seed = 7,
        PpoConfigJson = """{"updates": 3}""",
    };

    public static async Task<TrainerHost> StartAsync()
    {
        var host = new TrainerHost();
        await host._host.Services.GetRequiredService<DatabaseMigrator>().MigrateAsync();
        await using (var db = host.Db())
        {
            db.Projects.Add(host.Project);
            db.Prompts.Add(new Prompt { ProjectId = host.Project.Id, Text = "first", ContentHash = "first", Sequence = -1 });
            await db.SaveChangesAsync();
            var checkpoint = new Checkpoint { ProjectId = host.Project.Id, Kind = CheckpointKinds.Policy, Path = "base", ContentHash = "0" };
            db.Checkpoints.Add(checkpoint);
            await db.SaveChangesAsync();
            host.Project.PolicyCheckpointId = checkpoint.Id;
            await db.SaveChangesAsync();
        }

        await host._host.StartAsync();
        return host;
    }

    public AppDbContext Db() => _host.Services.GetRequiredService<IDbContextFactory<AppDbContext>>().CreateDbContext();

    public PlannerSweep Sweep => _host.Services.GetRequiredService<PlannerSweep>();

    /// <summary>A sampling run in the past: the project is beyond its first answers.</summary>
    public async Task SampledAsync()
    {
        await using var db = Db();
        db.Runs.Add(new Run { ProjectId = Project.Id, Kind = RunKinds.Sample, CommandId = Guid.CreateVersion7(), Status = RunStatuses.Completed });
        await db.SaveChangesAsync();
    }

    public static CyclePlanner Planner(AppDbContext db) => new(db, TimeProvider.System);

    /// <summary>Publishes past the outbox, twice with one id, as a broker delivers a message again; then waits until both were taken.</summary>
    public async Task DeliverTwiceAsync<T>(T message, Func<AppDbContext, Task<bool>> until)
        where T : class
    {
        var bus = _host.Services.GetRequiredService<IBus>();
        var id = Guid.CreateVersion7();
        await bus.Publish(message, context => context.MessageId = id);
        await WaitAsync(until);
        await bus.Publish(message, context => context.MessageId = id);

        // A marker behind it on the same bus: when its effect is there, the repeat has been taken too.
        var marker = Guid.CreateVersion7();
        await bus.Publish(message, context => context.MessageId = marker);
        await WaitAsync(db => db.Inbox.AnyAsync(i => i.MessageId == marker));
    }

    public async Task WaitAsync(Func<AppDbContext, Task<bool>> until)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            await using (var db = Db())
            {
                if (await until(db))
                {
                    return;
                }
            }

            await Task.Delay(20, timeout.Token);
        }
    }

    /// <summary>Prompts with two answers each, their comparisons, and a judgment on each.</summary>
    public async Task<List<Judgment>> JudgeAsync(int count)
    {
        await using var db = Db();
        var judgments = new List<Judgment>();
        var first = await db.ComparisonTasks.CountAsync();
        for (var i = first; i < first + count; i++)
        {
            var prompt = new Prompt { ProjectId = Project.Id, Text = $"prompt {i}", ContentHash = $"{i}", Sequence = i };
            var a = new Completion { PromptId = prompt.Id, Text = "a" };
            var b = new Completion { PromptId = prompt.Id, Text = "b" };
            var task = new ComparisonTask { ProjectId = Project.Id, PromptId = prompt.Id, CompletionAId = a.Id, CompletionBId = b.Id, Sequence = i };
            var judgment = new Judgment { TaskId = task.Id, ProjectId = Project.Id, Choice = Choices.A };
            db.AddRange(prompt, a, b, task, judgment);
            judgments.Add(judgment);
        }

        await db.SaveChangesAsync();
        return judgments;
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
    }
}
