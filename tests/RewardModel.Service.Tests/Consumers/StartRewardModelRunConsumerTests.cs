using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using RewardModel.Service.Consumers;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Hosting;
using Rlhf.Hosting.Messaging;

namespace RewardModel.Service.Tests.Consumers;

public sealed class StartRewardModelRunConsumerTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("reward-").FullName;
    private readonly Project _project = new() { Name = "Test", Slug = "test", RewardConfigJson = """{"epochs": 2}""" };
    private IHost _host = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Database:ConnectionString"] = $"Data Source={Path.Combine(_folder, "rlhf.db")}",
            ["Storage:DataDirectory"] = _folder,
        });
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.Services.AddRlhfMessaging(builder.Configuration, bus => bus.AddRewardModelConsumers());
        _host = builder.Build();
        await _host.Services.GetRequiredService<DatabaseMigrator>().MigrateAsync(Stop);
        await using (var db = Db())
        {
            db.Projects.Add(_project);
            await db.SaveChangesAsync(Stop);
        }

        await _host.StartAsync(Stop);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task StartRun_DeliveredTwice_QueuesOneRunWithTheProjectsConfiguration()
    {
        var command = new StartRun { CommandId = Guid.CreateVersion7(), ProjectId = _project.Id, Kind = RunKinds.RewardModel, Seed = 42 };
        var id = await PublishAsync(command);
        await PublishAsync(command, id);
        await PublishAsync(command);

        await using var db = Db();
        var run = Assert.Single(await db.Runs.ToListAsync(Stop));
        Assert.Equal((command.CommandId, RunStatuses.Queued, 42L), (run.Id, run.Status, run.Seed));
        Assert.Contains("\"epochs\":2", run.ConfigJson, StringComparison.Ordinal);
        Assert.Contains("\"seed\":42", run.ConfigJson, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(RunKinds.Ppo)]
    [InlineData(RunKinds.Eval)]
    public async Task StartRun_OfAnotherKind_IsLeftToItsOwner(string kind)
    {
        var command = new StartRun { CommandId = Guid.CreateVersion7(), ProjectId = _project.Id, Kind = kind, Seed = 1 };
        await PublishAsync(command, await PublishAsync(command));
        await using var db = Db();
        Assert.Empty(await db.Runs.ToListAsync(Stop));
    }

    private AppDbContext Db() => _host.Services.GetRequiredService<IDbContextFactory<AppDbContext>>().CreateDbContext();

    // Publishes and waits until the inbox has the message: its effect is in the same transaction.
    private async Task<Guid> PublishAsync(StartRun command, Guid? messageId = null)
    {
        var id = messageId ?? Guid.CreateVersion7();
        await _host.Services.GetRequiredService<IBus>().Publish(command, context => context.MessageId = id, Stop);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        timeout.CancelAfter(TimeSpan.FromSeconds(30));
        while (true)
        {
            await using (var db = Db())
            {
                if (await db.Inbox.AnyAsync(i => i.MessageId == id, timeout.Token))
                {
                    return id;
                }
            }

            await Task.Delay(20, timeout.Token);
        }
    }
}
