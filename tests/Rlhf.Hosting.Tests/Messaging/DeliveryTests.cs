using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Rlhf.Contracts;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.TestServers;
using Rlhf.Hosting.Messaging;

namespace Rlhf.Hosting.Tests.Messaging;

/// <summary>What the outbox, the dispatcher and the inbox promise together, embedded (SQLite, in-memory transport) and distributed (PostgreSQL, RabbitMQ).</summary>
public sealed class DeliveryTests
{
    public static TheoryData<string> Stacks => TestStack.Names;

    [Theory]
    [MemberData(nameof(Stacks))]
    public async Task Message_WithSeveralConsumers_ReachesEachOnceUnderItsOwnIdAndLeavesTheOutbox(string name)
    {
        await using var stack = await TestStack.CreateAsync(name);
        var database = stack.Database;
        var project = await database.AddProjectAsync();
        await using var host = new MessagingHost(stack, TwoConsumers);
        await host.StartAsync();
        var judgments = Enumerable.Range(0, 20).Select(_ => Judgment(project)).ToArray();

        var ids = await host.SendAsync(judgments);

        await DecisionsAsync(database, 40);
        await OutboxIsEmptyAsync(database);
        var expected = judgments.SelectMany(j => new[] { $"count {j.JudgmentId}", $"show {j.JudgmentId}" });
        Assert.Equal(expected.Order(StringComparer.Ordinal), (await DecisionsAsync(database)).Order(StringComparer.Ordinal));
        Assert.Equal(
            ids.SelectMany(id => new[] { ("count", id), ("show", id) }).Order(),
            host.Script.Deliveries.Order());
    }

    [Theory]
    [MemberData(nameof(Stacks))]
    public async Task SecondDeliveryOfAHandledMessage_Fails_LaterOnesOfItsAggregateAreNotHeldBackForEver(string name)
    {
        await using var stack = await TestStack.CreateAsync(name);
        var database = stack.Database;
        var project = await database.AddProjectAsync();
        await using var host = new MessagingHost(stack, TwoConsumers);
        await host.StartAsync();
        var first = Judgment(project);
        var id = (await host.SendAsync(first))[0];
        await DecisionsAsync(database, 2);
        await OutboxIsEmptyAsync(database);

        // As when the database goes away while the inbox is asked.
        var endpoint = host.Services.GetRequiredService<EndpointMap>().EndpointsOf(typeof(JudgmentRecorded)).First();
        await host.Services.GetRequiredService<FailedMessageStore>().RecordAsync(
            id, endpoint, new MessagePlace(1, project.Id, null), first, new TimeoutException("away"), TestContext.Current.CancellationToken);
        await host.SendAsync(Judgment(project));

        await DecisionsAsync(database, 4);
        await OutboxIsEmptyAsync(database);
        await using var db = database.CreateDbContext();
        Assert.Empty(await db.FailedMessages.ToListAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [MemberData(nameof(Stacks))]
    public async Task Message_WithoutConsumers_IsDoneWhenItIsPublished(string name)
    {
        await using var stack = await TestStack.CreateAsync(name);
        var database = stack.Database;
        await using var host = new MessagingHost(stack, _ => { });
        await host.StartAsync();

        await host.SendAsync(new PromptsImported { ProjectId = Guid.CreateVersion7(), Count = 1 });

        await OutboxIsEmptyAsync(database);
    }

    [Fact]
    public async Task Message_Saved_WakesTheDispatcherBeforeItsPoll()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var project = await database.AddProjectAsync();
        await using var host = new MessagingHost(database, TwoConsumers, null, ("Messaging:PollInterval", "00:01:00"));
        await host.StartAsync();

        // The first message may meet the dispatcher's first look; the second one cannot. The consumer's own outgoing message is committed in a transaction.
        await host.SendAsync(Judgment(project));
        await OutboxIsEmptyAsync(database);
        await host.SendAsync(Judgment(project));
        await OutboxIsEmptyAsync(database);

        Assert.Equal(4, (await DecisionsAsync(database)).Count);
    }

    [Theory]
    [MemberData(nameof(Stacks))]
    public async Task Message_DeliveredTwice_HasOneEffectAndOneOutgoingMessage(string name)
    {
        await using var stack = await TestStack.CreateAsync(name);
        var database = stack.Database;
        var project = await database.AddProjectAsync();
        await using var host = new MessagingHost(stack, bus => bus.AddConsumer<CountJudgmentConsumer>(), null, ("Messaging:ConcurrentMessages", "1"));
        var published = new PublishedMessages();
        host.Services.GetRequiredService<IBusControl>().ConnectPublishObserver(published);
        await host.StartAsync();
        var twice = Judgment(project);
        var last = Judgment(project);
        var id = Guid.CreateVersion7();

        await host.PublishAsync(twice, id);
        await host.PublishAsync(twice, id);

        // One message at a time and in order: when the last one's effect is there, both deliveries are over.
        await host.PublishAsync(last, Guid.CreateVersion7());
        await Eventually.TrueAsync(async () => (await DecisionsAsync(database)).Contains($"count {last.JudgmentId}"), "the last message has its effect");
        await OutboxIsEmptyAsync(database);

        Assert.Equal([$"count {twice.JudgmentId}", $"count {last.JudgmentId}"], await DecisionsAsync(database));
        Assert.Equal(2, host.Script.Deliveries.Count);
        Assert.Equal([twice.JudgmentId, last.JudgmentId], published.Of<CancelRun>().Select(m => m.Message.RunId));
    }

    [Theory]
    [MemberData(nameof(Stacks))]
    public async Task Command_SentTwice_MakesOneRun(string name)
    {
        await using var stack = await TestStack.CreateAsync(name);
        var database = stack.Database;
        var project = await database.AddProjectAsync();
        await using var host = new MessagingHost(stack, bus => bus.AddConsumer<InsertRunConsumer>());
        await host.StartAsync();
        var command = new StartRun { CommandId = Guid.CreateVersion7(), ProjectId = project.Id, Kind = RunKinds.Sft, Seed = 1 };

        // Two messages with one command: the inbox knows neither; the command's id does.
        await host.SendAsync(command, command);

        await Eventually.TrueAsync(
            async () =>
            {
                await using var look = database.CreateDbContext();
                return await look.Inbox.CountAsync() == 2;
            },
            "both messages were handled");
        await OutboxIsEmptyAsync(database);
        await using var db = database.CreateDbContext();
        Assert.Equal(command.CommandId, (await db.Runs.SingleAsync(TestContext.Current.CancellationToken)).CommandId);
        Assert.Equal(2, await db.Inbox.CountAsync(TestContext.Current.CancellationToken));
        Assert.Empty(await db.FailedMessages.ToListAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [MemberData(nameof(Stacks))]
    public async Task Process_ThatDiesWhileAConsumerWorks_RedeliversAfterItsRestartWithOneEffect(string name)
    {
        await using var stack = await TestStack.CreateAsync(name);
        var database = stack.Database;
        var project = await database.AddProjectAsync();
        var judgment = Judgment(project);
        await using (var dying = new MessagingHost(stack, TwoConsumers))
        {
            // One consumer has saved but its transaction never commits; the other may have finished, or wait for SQLite's one writer.
            var saved = new TaskCompletionSource();
            dying.Script.After = async consumer =>
            {
                if (consumer == CountJudgmentConsumer.Name)
                {
                    saved.TrySetResult();
                    await Task.Delay(Timeout.Infinite, dying.Services.GetRequiredService<Microsoft.Extensions.Hosting.IHostApplicationLifetime>().ApplicationStopping);
                }
            };
            await dying.StartAsync();
            await dying.SendAsync(judgment);
            await saved.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        }

        await using (var db = database.CreateDbContext())
        {
            // In memory the row is all there is; with a broker the message is on its queue, or, where the failure was noticed, on its way back to it.
            Assert.True(stack.Broker is not null || await db.Outbox.AnyAsync(TestContext.Current.CancellationToken));
            Assert.DoesNotContain($"count {judgment.JudgmentId}", await DecisionsAsync(database));
        }

        await using var restarted = new MessagingHost(stack, TwoConsumers);
        await restarted.StartAsync();

        await DecisionsAsync(database, 2);
        await OutboxIsEmptyAsync(database);
        Assert.Equal([$"count {judgment.JudgmentId}", $"show {judgment.JudgmentId}"], (await DecisionsAsync(database)).Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Stacks))]
    public async Task Process_ThatDiedBetweenTwoConsumers_RedeliversOnlyToTheOneThatHadNotFinished(string name)
    {
        await using var stack = await TestStack.CreateAsync(name);
        var database = stack.Database;
        var project = await database.AddProjectAsync();
        var judgment = Judgment(project);

        // What a process leaves that died at that point: the row taken, and the first consumer's inbox row.
        await using (var db = database.CreateDbContext())
        {
            var row = OutboxWriter.Add(db, judgment);
            row.DispatchedAt = DateTimeOffset.UtcNow;
            db.Inbox.Add(new InboxMessage { MessageId = row.MessageId, Endpoint = "count-judgment", ReceivedAt = DateTimeOffset.UtcNow });
            await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        }

        await using var host = new MessagingHost(stack, TwoConsumers, null, ("Messaging:RedeliverAfter", "00:00:00.500"));
        await host.StartAsync();

        await DecisionsAsync(database, 1);
        await OutboxIsEmptyAsync(database);
        Assert.Equal([$"show {judgment.JudgmentId}"], await DecisionsAsync(database));
    }

    [Fact]
    public async Task Row_TakenAndNeverSettled_IsPublishedAgain()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var project = await database.AddProjectAsync();
        await using var host = new MessagingHost(database, TwoConsumers, null, ("Messaging:RedeliverAfter", "00:00:00.200"));
        await host.StartAsync();
        await host.SendAsync(Judgment(project));
        await OutboxIsEmptyAsync(database);

        await using (var db = database.CreateDbContext())
        {
            OutboxWriter.Add(db, Judgment(project)).DispatchedAt = DateTimeOffset.UtcNow.AddHours(-1);
            await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        }

        await OutboxIsEmptyAsync(database);
        Assert.Equal(4, (await DecisionsAsync(database)).Count);
    }

    [Theory]
    [MemberData(nameof(Stacks))]
    public async Task Consumer_ThatFailsTwice_IsDeliveredAgainAndHasOneEffect(string name)
    {
        await using var stack = await TestStack.CreateAsync(name);
        var database = stack.Database;
        var project = await database.AddProjectAsync();
        await using var host = new MessagingHost(stack, TwoConsumers);
        var failures = 0;
        host.Script.After = consumer => consumer == CountJudgmentConsumer.Name && ++failures <= 2
            ? throw new InvalidOperationException("after the save")
            : Task.CompletedTask;
        await host.StartAsync();
        var judgment = Judgment(project);

        await host.SendAsync(judgment);

        await DecisionsAsync(database, 2);
        await OutboxIsEmptyAsync(database);
        Assert.Equal([$"count {judgment.JudgmentId}", $"show {judgment.JudgmentId}"], (await DecisionsAsync(database)).Order(StringComparer.Ordinal));
        Assert.Equal(3, host.Script.Deliveries.Count(d => d.Consumer == CountJudgmentConsumer.Name));
        Assert.Equal(1, host.Script.Deliveries.Count(d => d.Consumer == ShowJudgmentConsumer.Name));
        await using var db = database.CreateDbContext();
        Assert.Empty(await db.FailedMessages.ToListAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [MemberData(nameof(Stacks))]
    public async Task Consumer_ThatAlwaysFails_SetsTheMessageAsideWithItsReasonAndARetryDeliversIt(string name)
    {
        await using var stack = await TestStack.CreateAsync(name);
        var database = stack.Database;
        var project = await database.AddProjectAsync();
        var handled = new RecordingHandler();
        await using var host = new MessagingHost(stack, TwoConsumers, services => services.AddSingleton<IFailedMessageHandler>(handled), ("Messaging:MaxAttempts", "3"));
        host.Script.Before = (consumer, _) => consumer == CountJudgmentConsumer.Name ? throw new InvalidOperationException("the counter is broken") : Task.CompletedTask;
        await host.StartAsync();
        var judgment = Judgment(project);

        var id = Assert.Single(await host.SendAsync(judgment));

        await SetAsideAsync(database, 1);
        await OutboxIsEmptyAsync(database);
        await DecisionsAsync(database, 1);
        await using (var db = database.CreateDbContext())
        {
            var failed = await db.FailedMessages.SingleAsync(TestContext.Current.CancellationToken);
            Assert.Equal((id, "count-judgment", "labeling.judgment-recorded", 3), (failed.MessageId, failed.Endpoint, failed.Type, failed.Attempts));
            Assert.NotNull(failed.SetAsideAt);
            Assert.Contains("the counter is broken", failed.Error, StringComparison.Ordinal);
            Assert.Equal(judgment, MessageJson.Deserialize(failed.Body, typeof(JudgmentRecorded)));
        }

        Assert.Equal([judgment], handled.Messages);
        Assert.Equal([$"show {judgment.JudgmentId}"], await DecisionsAsync(database));

        host.Script.Before = (_, _) => Task.CompletedTask;
        Assert.True(await host.Services.GetRequiredService<FailedMessageStore>().RetryAsync(id, "count-judgment", TestContext.Current.CancellationToken));
        await DecisionsAsync(database, 2);
        await OutboxIsEmptyAsync(database);
        Assert.Equal([$"count {judgment.JudgmentId}", $"show {judgment.JudgmentId}"], (await DecisionsAsync(database)).Order(StringComparer.Ordinal));
        Assert.False(await host.Services.GetRequiredService<FailedMessageStore>().RetryAsync(id, "count-judgment", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Consumer_ThatSaysTheMessageIsWrong_SetsItAsideAtOnce()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var project = await database.AddProjectAsync();
        await using var host = new MessagingHost(database, bus => bus.AddConsumer<CountJudgmentConsumer>(), null, ("Messaging:ImmediateRetries", "2"));
        host.Script.Before = (_, _) => throw new ArgumentException("no such judgment");
        await host.StartAsync();

        await host.SendAsync(Judgment(project));

        await OutboxIsEmptyAsync(database);
        Assert.Single(host.Script.Deliveries);
        await using var db = database.CreateDbContext();
        Assert.Equal(1, (await db.FailedMessages.SingleAsync(TestContext.Current.CancellationToken)).Attempts);
    }

    [Fact]
    public async Task ImmediateRetry_AfterAFailedSave_StartsWithAFreshContext()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var project = await database.AddProjectAsync();
        await using var host = new MessagingHost(database, bus => bus.AddConsumer<CountJudgmentConsumer>(), null, ("Messaging:ImmediateRetries", "2"));
        var failures = 0;
        host.Script.After = _ => ++failures == 1 ? throw new InvalidOperationException("lost race") : Task.CompletedTask;
        await host.StartAsync();
        var judgment = Judgment(project);

        await host.SendAsync(judgment);

        await OutboxIsEmptyAsync(database);
        Assert.Equal([$"count {judgment.JudgmentId}"], await DecisionsAsync(database));
        Assert.Equal(2, host.Script.Deliveries.Count);
    }

    [Fact]
    public async Task Consumer_ThatForgetsToSave_Fails()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var project = await database.AddProjectAsync();
        await using var host = new MessagingHost(database, bus => bus.AddConsumer<ForgetfulConsumer>(), null, ("Messaging:MaxAttempts", "1"));
        await host.StartAsync();

        await host.SendAsync(new PromptsImported { ProjectId = project.Id, Count = 1 });

        await OutboxIsEmptyAsync(database);
        await using var db = database.CreateDbContext();
        Assert.Contains("returned without saving its changes", (await db.FailedMessages.SingleAsync(TestContext.Current.CancellationToken)).Error, StringComparison.Ordinal);
        Assert.Empty(await db.CycleDecisions.ToListAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("labeling.of-a-newer-version", "{}", "is unknown to this program; known: labeling.")]
    [InlineData("labeling.prompts-imported", "{}", "projectId")]
    public async Task Row_ThatCannotBeRead_IsSetAsideAndTheNextOnesGoOn(string type, string body, string reason)
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        await using (var db = database.CreateDbContext())
        {
            db.Outbox.Add(new OutboxMessage { Type = type, Body = body });
            OutboxWriter.Add(db, new PromptsImported { ProjectId = Guid.CreateVersion7(), Count = 1 });
            await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        }

        await using var host = new MessagingHost(database, _ => { });
        await host.StartAsync();

        await OutboxIsEmptyAsync(database);
        await using var after = database.CreateDbContext();
        var failed = await after.FailedMessages.SingleAsync(TestContext.Current.CancellationToken);
        Assert.Equal(("", type), (failed.Endpoint, failed.Type));
        Assert.Contains(reason, failed.Error, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Stacks))]
    public async Task Dispatchers_TwoAtOnce_PublishEveryRowOnce(string name)
    {
        await using var stack = await TestStack.CreateAsync(name);
        var database = stack.Database;
        await using var host = new MessagingHost(stack, _ => { }, null, ("Messaging:BatchSize", "7"));
        var bus = host.Services.GetRequiredService<IBusControl>();
        var published = new PublishedMessages();
        bus.ConnectPublishObserver(published);
        var ids = await host.SendAsync([.. Enumerable.Range(0, 100).Select(i => (object)new PromptsImported { ProjectId = Guid.CreateVersion7(), Count = i })]);
        await bus.StartAsync(TestContext.Current.CancellationToken);

        async Task DrainAsync()
        {
            using var dispatcher = host.NewDispatcher();
            while (await dispatcher.DispatchAsync(TestContext.Current.CancellationToken) > 0)
            {
            }
        }

        await Task.WhenAll(Task.Run(DrainAsync), Task.Run(DrainAsync));

        await bus.StopAsync(CancellationToken.None);
        Assert.Equal(ids.Order(), published.Of<PromptsImported>().Select(m => m.MessageId).Order());
        await OutboxIsEmptyAsync(database);
    }

    [Fact]
    public async Task Dispatcher_Alone_PublishesInTheOrderOfTheRows()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        await using var host = new MessagingHost(database, _ => { });
        var published = new PublishedMessages();
        host.Services.GetRequiredService<IBusControl>().ConnectPublishObserver(published);
        var project = Guid.CreateVersion7();
        await host.SendAsync([.. Enumerable.Range(0, 50).Select(i => (object)new PromptsImported { ProjectId = project, Count = i })]);

        await host.StartAsync();

        await OutboxIsEmptyAsync(database);
        Assert.Equal(Enumerable.Range(0, 50), published.Of<PromptsImported>().Select(m => m.Message.Count));
    }

    [Fact]
    public async Task Message_NotBeforeALaterTime_Waits()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        await using var host = new MessagingHost(database, _ => { });
        await using (var db = database.CreateDbContext())
        {
            OutboxWriter.Add(db, new PromptsImported { ProjectId = Guid.CreateVersion7(), Count = 1 }, DateTimeOffset.UtcNow.AddHours(1));
            await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        }

        using var dispatcher = host.NewDispatcher();

        Assert.Equal(0, await dispatcher.DispatchAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Consumers_TwoOfOneMessageOnOneEndpoint_AreRefused()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite", migrate: false);
        await using var host = new MessagingHost(database, bus =>
        {
            bus.AddConsumer<CountJudgmentConsumer>().Endpoint(e => e.Name = "same");
            bus.AddConsumer<ShowJudgmentConsumer>().Endpoint(e => e.Name = "same");
        });

        var exception = Assert.ThrowsAny<Exception>(() => host.Services.GetRequiredService<IBusControl>());

        Assert.Contains("Endpoint 'same' has a second consumer of JudgmentRecorded", exception.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Stacks))]
    public async Task Retention_Prune_RemovesWhatIsOldAndCannotBeDeliveredAgain(string name)
    {
        await using var stack = await TestStack.CreateAsync(name);
        var database = stack.Database;
        var old = DateTimeOffset.UtcNow.AddDays(-8);
        var waiting = new PromptsImported { ProjectId = Guid.CreateVersion7(), Count = 1 };
        await using (var db = database.CreateDbContext())
        {
            var row = OutboxWriter.Add(db, waiting, DateTimeOffset.UtcNow.AddHours(1));
            db.Inbox.Add(new InboxMessage { MessageId = row.MessageId, Endpoint = "still-in-the-outbox", ReceivedAt = old });
            db.Inbox.Add(new InboxMessage { MessageId = Guid.CreateVersion7(), Endpoint = "old", ReceivedAt = old });
            db.Inbox.Add(new InboxMessage { MessageId = Guid.CreateVersion7(), Endpoint = "new", ReceivedAt = DateTimeOffset.UtcNow });
            FailedMessage Failed(string endpoint, DateTimeOffset at) => new() { MessageId = Guid.CreateVersion7(), Endpoint = endpoint, Type = "t", Body = "{}", Error = "e", SetAsideAt = at };
            var kept = Failed("kept", old);
            db.FailedMessages.AddRange(kept, Failed("forgotten", DateTimeOffset.UtcNow.AddDays(-91)));
            db.Inbox.Add(new InboxMessage { MessageId = kept.MessageId, Endpoint = "failed-elsewhere", ReceivedAt = old });
            await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        }

        await using var host = new MessagingHost(stack, _ => { });
        var removed = await host.Services.GetRequiredService<MessageRetention>().PruneAsync(TestContext.Current.CancellationToken);

        await using var after = database.CreateDbContext();
        Assert.Equal(2, removed);
        Assert.Equal(["failed-elsewhere", "new", "still-in-the-outbox"], await after.Inbox.Select(i => i.Endpoint).OrderBy(e => e).ToListAsync(TestContext.Current.CancellationToken));
        Assert.Equal(["kept"], await after.FailedMessages.Select(f => f.Endpoint).ToListAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task FailedMessage_Discarded_IsGone()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var failed = new FailedMessage { MessageId = Guid.CreateVersion7(), Endpoint = "e", Type = "t", Body = "{}", Error = "x", SetAsideAt = DateTimeOffset.UtcNow };
        await using (var db = database.CreateDbContext())
        {
            db.FailedMessages.Add(failed);
            await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        }

        await using var host = new MessagingHost(database, _ => { });
        var store = host.Services.GetRequiredService<FailedMessageStore>();

        Assert.True(await store.DiscardAsync(failed.MessageId, "e", TestContext.Current.CancellationToken));
        Assert.False(await store.DiscardAsync(failed.MessageId, "e", TestContext.Current.CancellationToken));
    }

    private static void TwoConsumers(IBusRegistrationConfigurator bus)
    {
        bus.AddConsumer<CountJudgmentConsumer>();
        bus.AddConsumer<ShowJudgmentConsumer>();
    }

    private static JudgmentRecorded Judgment(Project project) => new() { JudgmentId = Guid.CreateVersion7(), TaskId = Guid.CreateVersion7(), ProjectId = project.Id };

    private static Task OutboxIsEmptyAsync(TestDatabase database) => Eventually.TrueAsync(
        async () =>
        {
            await using var db = database.CreateDbContext();
            return !await db.Outbox.AnyAsync();
        },
        "the outbox is empty");

    private static Task SetAsideAsync(TestDatabase database, int count) => Eventually.TrueAsync(
        async () =>
        {
            await using var db = database.CreateDbContext();
            return await db.FailedMessages.CountAsync(f => f.SetAsideAt != null) == count;
        },
        $"{count} messages are set aside");

    private static Task DecisionsAsync(TestDatabase database, int count) => Eventually.TrueAsync(
        async () => (await DecisionsAsync(database)).Count >= count, $"there are {count} effects");

    private static async Task<List<string>> DecisionsAsync(TestDatabase database)
    {
        await using var db = database.CreateDbContext();
        return await db.CycleDecisions.OrderBy(d => d.Id).Select(d => d.Decision).ToListAsync();
    }

    private sealed class RecordingHandler : IFailedMessageHandler
    {
        public List<object> Messages { get; } = [];

        public Task HandleAsync(AppDbContext db, FailedMessage failed, object message, CancellationToken cancellationToken)
        {
            Messages.Add(message);
            return Task.CompletedTask;
        }
    }
}
