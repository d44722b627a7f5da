using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using RabbitMQ.Client;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;
using Rlhf.Hosting.Messaging;
using Rlhf.TestServers;

namespace Rlhf.Hosting.Tests.Messaging;

/// <summary>What only a real broker does: be away, die, drop what nobody has asked for, hand over between replicas.</summary>
public sealed class BrokerTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Broker_NotThereAtStart_ThenThere_ThenKilledAndBack_EverythingArrivesOnce()
    {
        await using var server = await RabbitMqServer.CreateAsync();
        await using var database = await TestDatabase.CreateAsync("postgres");
        var project = await database.AddProjectAsync();
        await using var host = new MessagingHost([.. database.Settings, .. server.Settings], bus => bus.AddConsumer<CountJudgmentConsumer>(), null, ("Messaging:RedeliverAfter", "00:00:10"));
        await host.StartWithoutBrokerAsync();
        List<JudgmentRecorded> sent = [];
        async Task SendAsync(int count)
        {
            for (var i = 0; i < count; i++)
            {
                sent.Add(Judgment(project));
                await host.SendAsync(sent[^1]);
            }
        }

        // Not there: messages are written all the same, and the process says what it lacks.
        await SendAsync(5);
        var health = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(check => check.Tags.Contains(HealthEndpoints.ReadyTag), Cancelled);
        Assert.Equal((HealthStatus.Unhealthy, "The broker is not connected."), (health.Entries["bus"].Status, health.Entries["bus"].Description));

        await server.StartAsync();
        await ArrivedAsync(database, sent);

        await server.WaitUntilOnDiskAsync("count-judgment");

        // Killed with messages on their way, and more written while it is away.
        await SendAsync(20);
        await server.KillAsync();
        await SendAsync(20);
        await server.StartAsync();
        await SendAsync(5);

        // By themselves: nobody restarts the process.
        await ArrivedAsync(database, sent);
        await Eventually.TrueAsync(
            async () => (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(check => check.Name == "bus", Cancelled)).Status == HealthStatus.Healthy,
            "the bus is healthy again");
    }

    [Fact]
    public async Task Event_PublishedBeforeItsConsumersQueueHasEverExisted_Waits()
    {
        await using var stack = await TestStack.CreateAsync(TestStack.Distributed);
        var project = await stack.Database.AddProjectAsync();
        await using var publisher = new MessagingHost(stack, _ => { });
        await publisher.StartAsync();
        var judgment = Judgment(project);
        await publisher.SendAsync(judgment);

        // It came back from the broker at least once before anybody listens.
        await Eventually.TrueAsync(
            async () =>
            {
                await using var db = stack.Database.CreateDbContext();
                return await db.Outbox.AnyAsync(m => m.Attempts > 0 && m.LastError != null);
            },
            "the message was returned");

        await using var consumer = new MessagingHost(stack, bus => bus.AddConsumer<CountJudgmentConsumer>());
        await consumer.StartAsync();
        await ArrivedAsync(stack.Database, [judgment]);
    }

    [Fact]
    public async Task Event_ThatNobodyListensTo_IsDoneWhenItIsPublished()
    {
        await using var stack = await TestStack.CreateAsync(TestStack.Distributed);
        await using var host = new MessagingHost(stack, _ => { });
        await host.StartAsync();

        // One by the program's own list, one by this deployment's.
        await host.SendAsync(new DemonstrationRecorded { DemonstrationId = Guid.CreateVersion7(), ProjectId = Guid.CreateVersion7() }, new PromptsImported { ProjectId = Guid.CreateVersion7(), Count = 1 });

        await Eventually.TrueAsync(
            async () =>
            {
                await using var db = stack.Database.CreateDbContext();
                return !await db.Outbox.AnyAsync();
            },
            "the outbox is empty");
    }

    [Fact]
    public async Task Queue_WithAMessageOfANewerVersion_SetsItAside()
    {
        await using var stack = await TestStack.CreateAsync(TestStack.Distributed);
        var project = await stack.Database.AddProjectAsync();

        // The newer version of the service binds its queue to one more message; then the older one is back.
        await using (var newer = new MessagingHost(stack, bus =>
        {
            bus.AddConsumer<CountJudgmentConsumer>().Endpoint(e => e.Name = "planner");
            bus.AddConsumer<InsertRunConsumer>().Endpoint(e => e.Name = "planner");
        }))
        {
            await newer.StartAsync();
        }

        await using var older = new MessagingHost(stack, bus => bus.AddConsumer<CountJudgmentConsumer>().Endpoint(e => e.Name = "planner"));
        await older.StartAsync();
        var command = new StartRun { CommandId = Guid.CreateVersion7(), ProjectId = project.Id, Kind = RunKinds.Sft, Seed = 1 };
        var judgment = Judgment(project);
        var ids = await older.SendAsync(command, judgment);

        await ArrivedAsync(stack.Database, [judgment]);
        await Eventually.TrueAsync(
            async () =>
            {
                await using var look = stack.Database.CreateDbContext();
                return await look.FailedMessages.AnyAsync(f => f.SetAsideAt != null);
            },
            "the unknown message is set aside");
        await using var db = stack.Database.CreateDbContext();
        var failed = await db.FailedMessages.SingleAsync(Cancelled);
        Assert.Equal((ids[0], "planner", "training.start-run"), (failed.MessageId, failed.Endpoint, failed.Type));
        Assert.Equal(command, Contracts.MessageJson.Deserialize(failed.Body, typeof(StartRun)));
        Assert.Contains("a newer version of it does", failed.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Message_WithAPropertyOfANewerVersion_IsHandled()
    {
        await using var stack = await TestStack.CreateAsync(TestStack.Distributed);
        var project = await stack.Database.AddProjectAsync();
        await using var host = new MessagingHost(stack, bus => bus.AddConsumer<CountJudgmentConsumer>());
        await host.StartAsync();
        var judgment = Judgment(project);
        await using var connection = await new ConnectionFactory { Uri = stack.Broker!.Uri }.CreateConnectionAsync(Cancelled);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Cancelled);
        var envelope = $$"""
            {"messageId":"{{Guid.CreateVersion7()}}","messageType":["urn:message:Rlhf.Contracts.Labeling:JudgmentRecorded"],"newInTheEnvelope":1,
             "message":{"judgmentId":"{{judgment.JudgmentId}}","taskId":"{{judgment.TaskId}}","projectId":"{{project.Id}}","confidence":0.7,"reasons":["a"]} }
            """;

        await channel.BasicPublishAsync(
            "rlhf.labeling.judgment-recorded", "", mandatory: true, new BasicProperties { ContentType = "application/vnd.masstransit+json" }, System.Text.Encoding.UTF8.GetBytes(envelope), Cancelled);

        await ArrivedAsync(stack.Database, [judgment]);
    }

    [Fact]
    public async Task ErrorQueue_IsBoundedAndItsCopyChangesNothingAfterAReplay()
    {
        await using var stack = await TestStack.CreateAsync(TestStack.Distributed);
        var project = await stack.Database.AddProjectAsync();
        await using var host = new MessagingHost(stack, bus => bus.AddConsumer<CountJudgmentConsumer>(), null, ("Messaging:MaxAttempts", "1"));
        var isRepaired = false;
        host.Script.Before = (_, _) => isRepaired ? Task.CompletedTask : throw new InvalidOperationException("broken");
        await host.StartAsync();
        var judgment = Judgment(project);
        await host.SendAsync(judgment);
        var store = host.Services.GetRequiredService<FailedMessageStore>();
        await Eventually.TrueAsync(
            async () =>
            {
                await using var db = stack.Database.CreateDbContext();
                return await db.FailedMessages.AnyAsync(f => f.SetAsideAt != null);
            },
            "the message was set aside");
        isRepaired = true;
        Assert.Equal(1, await store.RetryAllAsync("labeling.judgment-recorded", Cancelled));
        await ArrivedAsync(stack.Database, [judgment]);

        // The copy is still there; put on the queue again, as the broker's shovel would, it is recognised.
        await using var connection = await new ConnectionFactory { Uri = stack.Broker!.Uri }.CreateConnectionAsync(Cancelled);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Cancelled);
        var copy = await channel.BasicGetAsync("count-judgment_error", autoAck: true, Cancelled);
        Assert.NotNull(copy);
        var before = host.Script.Deliveries.Count;
        await channel.BasicPublishAsync("", "count-judgment", mandatory: true, new BasicProperties(copy.BasicProperties), copy.Body, Cancelled);
        var last = Judgment(project);
        await host.SendAsync(last);
        await ArrivedAsync(stack.Database, [judgment, last]);
        Assert.Equal(before + 1, host.Script.Deliveries.Count);

        // Declaring it with other bounds is refused: these are the ones it has.
        await using var same = await connection.CreateChannelAsync(cancellationToken: Cancelled);
        await same.QueueDeclareAsync(
            "count-judgment_error", durable: true, exclusive: false, autoDelete: false,
            new Dictionary<string, object?> { ["x-queue-type"] = "quorum", ["x-max-length"] = 10_000, ["x-message-ttl"] = 14 * 24 * 3600 * 1000 }, cancellationToken: Cancelled);
    }

    [Fact]
    public async Task Queue_WithTheArgumentsOfAnOlderVersion_IsNamedByTheHealthCheckAndReplacedOnceItIsDeleted()
    {
        await using var stack = await TestStack.CreateAsync(TestStack.Distributed);
        var project = await stack.Database.AddProjectAsync();
        await using var connection = await new ConnectionFactory { Uri = stack.Broker!.Uri }.CreateConnectionAsync(Cancelled);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Cancelled);
        await channel.QueueDeclareAsync("count-judgment", durable: true, exclusive: false, autoDelete: false, cancellationToken: Cancelled);
        await using var host = new MessagingHost(stack, bus =>
        {
            bus.AddConsumer<CountJudgmentConsumer>();
            bus.AddConsumer<InsertRunConsumer>();
        });
        await host.StartWithoutBrokerAsync();
        await Eventually.TrueAsync(
            async () => (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(check => check.Name == "bus", Cancelled)).Entries["bus"].Description == "Endpoints that do not listen: count-judgment.",
            "the health check names the queue");
        var judgment = Judgment(project);
        await host.SendAsync(judgment);

        Assert.Equal(0u, await channel.QueueDeleteAsync("count-judgment", ifUnused: true, ifEmpty: true, cancellationToken: Cancelled));

        await ArrivedAsync(stack.Database, [judgment]);
    }

    [Fact]
    public async Task Replica_ThatDies_IsFollowedByTheOtherInOrder()
    {
        await using var stack = await TestStack.CreateAsync(TestStack.Distributed);
        var project = await stack.Database.AddProjectAsync();
        var standby = new MessagingHost(stack, bus => bus.AddConsumer<CountJudgmentConsumer>());
        await using (var active = new MessagingHost(stack, bus => bus.AddConsumer<CountJudgmentConsumer>()))
        {
            await active.StartAsync();
            await standby.StartAsync();
            var first = Judgment(project);
            await active.SendAsync(first);
            await ArrivedAsync(stack.Database, [first]);

            // Only one of the two works on the queue.
            Assert.Single(active.Script.Deliveries);
            Assert.Empty(standby.Script.Deliveries);
        }

        await using (standby)
        {
            var second = Judgment(project);
            await standby.SendAsync(second);
            await Eventually.TrueAsync(() => standby.Script.Deliveries.Count == 1, "the other replica works");
        }
    }

    private static JudgmentRecorded Judgment(Project project) => new() { JudgmentId = Guid.CreateVersion7(), TaskId = Guid.CreateVersion7(), ProjectId = project.Id };

    private static async Task ArrivedAsync(TestDatabase database, IEnumerable<JudgmentRecorded> sent)
    {
        async Task<string[]> EffectsAsync()
        {
            await using var db = database.CreateDbContext();
            return [.. (await db.CycleDecisions.Select(d => d.Decision).ToListAsync()).Order(StringComparer.Ordinal)];
        }

        var expected = sent.Select(j => $"count {j.JudgmentId}").Order(StringComparer.Ordinal).ToArray();
        await Eventually.TrueAsync(async () => (await EffectsAsync()).Length >= expected.Length, $"{expected.Length} messages arrive");
        Assert.Equal(expected, await EffectsAsync());
    }
}
