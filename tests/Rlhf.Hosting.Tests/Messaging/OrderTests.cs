using System.Collections.Concurrent;
using System.Globalization;
using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Hosting.Messaging;
using Rlhf.Numerics;
using Rlhf.TestServers;

namespace Rlhf.Hosting.Tests.Messaging;

/// <summary>Messages of one aggregate have their effects in the order they were written, each once, whatever fails in between.</summary>
public sealed class OrderTests
{
    public static TheoryData<string> Stacks => TestStack.Names;

    /// <summary>
    /// 8 runs report 12 steps each, written interleaved. A consumer fails at random before or after its save and is slow at random; messages are published twice
    /// at random; two dispatchers publish, and, with a broker, two processes consume.
    /// </summary>
    [Theory]
    [MemberData(nameof(Stacks))]
    public async Task Steps_OfARun_AreSeenInOrderOnceEachWhateverFails(string name)
    {
        await using var stack = await TestStack.CreateAsync(name);
        var project = await stack.Database.AddProjectAsync();
        await AddEffectsTableAsync(stack.Database);
        var draws = new ConcurrentDictionary<(Guid, int), int>();
        (string, string)[] settings = [("Messaging:MaxAttempts", "50"), ("Messaging:RetryDelay", "00:00:00.005"), ("Messaging:ConcurrentMessages", "8")];
        await using var first = new MessagingHost(stack, bus => bus.AddConsumer<RecordStepConsumer>(), services => services.AddSingleton(draws), settings);
        await using var second = stack.Broker is null ? null : new MessagingHost(stack, bus => bus.AddConsumer<RecordStepConsumer>(), services => services.AddSingleton(draws), settings);
        await first.StartAsync();
        if (second is not null)
        {
            await second.StartAsync();
        }

        var runs = Enumerable.Range(0, 8).Select(_ => Guid.CreateVersion7()).ToArray();
        using var stop = new CancellationTokenSource();
        var other = Task.Run(() => DispatchAsync(first, stop.Token), CancellationToken.None);
        for (var step = 1; step <= 12; step++)
        {
            var messages = runs.Select(run => new RunProgressed { RunId = run, ProjectId = project.Id, Step = step, TotalSteps = 12 }).ToArray();
            var ids = await first.SendAsync(messages);

            // Twice, as after a confirmation that was lost: the second delivery may come at any time after the first.
            if (step % 3 == 0 && stack.Broker is null)
            {
                await Eventually.TrueAsync(async () => (await EffectsAsync(stack.Database)).Count(e => e.Run == runs[0]) >= step, "the first delivery is over");
                await first.PublishAsync(messages[0], ids[0]);
            }
        }

        await Eventually.TrueAsync(async () => (await EffectsAsync(stack.Database)).Count >= 8 * 12, "every step has its effect");
        await stop.CancelAsync();
        await other;

        var effects = await EffectsAsync(stack.Database);
        foreach (var run in runs)
        {
            Assert.Equal(Enumerable.Range(1, 12), effects.Where(e => e.Run == run).Select(e => e.Step));
        }

        Assert.True(draws.Values.Sum() > 8 * 12, "nothing has failed, so nothing was tested");
        await using var db = stack.Database.CreateDbContext();
        Assert.Empty(await db.FailedMessages.ToListAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [MemberData(nameof(Stacks))]
    public async Task MessageThatFails_HoldsBackItsOwnAggregateOnlyUntilItIsSetAside(string name)
    {
        await using var stack = await TestStack.CreateAsync(name);
        var project = await stack.Database.AddProjectAsync();
        await AddEffectsTableAsync(stack.Database);
        var broken = Guid.CreateVersion7();
        var other = Guid.CreateVersion7();
        var isRepaired = false;
        await using var host = new MessagingHost(
            stack,
            bus => bus.AddConsumer<RecordStepConsumer>(),
            services => services.AddSingleton(new ConcurrentDictionary<(Guid, int), int>()),
            ("Messaging:MaxAttempts", "4"),
            ("Messaging:RetryDelay", "00:00:00.200"));
        host.Script.Before = (consumer, _) => consumer == $"{broken} 1" && !isRepaired ? throw new InvalidOperationException("broken") : Task.CompletedTask;
        await host.StartAsync();
        RunProgressed Step(Guid run, int step) => new() { RunId = run, ProjectId = project.Id, Step = step, TotalSteps = 0 };

        var ids = await host.SendAsync(Step(broken, 1), Step(broken, 2), Step(other, 1), Step(broken, 3), Step(other, 2));

        // The other run does not wait for the three retries; the broken one's later steps go only when its first is set aside.
        await Eventually.TrueAsync(async () => (await EffectsAsync(stack.Database)).Count >= 4, "the steps that can be seen are seen");
        var effects = await EffectsAsync(stack.Database);
        Assert.Equal([(other, 1), (other, 2), (broken, 2), (broken, 3)], effects);
        await using (var db = stack.Database.CreateDbContext())
        {
            var failed = await db.FailedMessages.SingleAsync(TestContext.Current.CancellationToken);
            Assert.Equal((ids[0], broken, 4), (failed.MessageId, failed.Aggregate!.Value, failed.Attempts));
            Assert.NotNull(failed.SetAsideAt);
        }

        // Its replay comes late and under its old key.
        isRepaired = true;
        Assert.Equal(1, await host.Services.GetRequiredService<FailedMessageStore>().RetryAllAsync("training.run-progressed", TestContext.Current.CancellationToken));
        await Eventually.TrueAsync(async () => (await EffectsAsync(stack.Database)).Contains((broken, 1)), "the replay has its effect");
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task TakenRow_OfAnotherDispatcher_IsNotOvertakenByALaterOneOfItsAggregate(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        await using var host = new MessagingHost(database, _ => { });
        var run = Guid.CreateVersion7();
        await host.SendAsync(new CancelRun { RunId = run });
        await using (var db = database.CreateDbContext())
        {
            // Another dispatcher has taken it and not come back yet.
            await db.Outbox.ExecuteUpdateAsync(set => set.SetProperty(m => m.DispatchedAt, DateTimeOffset.UtcNow), TestContext.Current.CancellationToken);
        }

        await host.SendAsync(new CancelRun { RunId = run }, new CancelRun { RunId = Guid.CreateVersion7() });

        // Only the row of the other run may go.
        var rows = await host.Services.GetRequiredService<OutboxQueue>().TakeAsync(TestContext.Current.CancellationToken);
        Assert.NotEqual(run, Assert.Single(rows).Aggregate);
    }

    [Fact]
    public async Task LockedRow_OfAnotherDispatcher_IsNotOvertakenBySkippingIt()
    {
        await using var database = await TestDatabase.CreateAsync("postgres");
        await using var host = new MessagingHost(database, _ => { }, null, ("Messaging:Transport", "rabbitmq"), ("Messaging:RabbitMq:Host", "x"), ("Messaging:RabbitMq:User", "x"), ("Messaging:RabbitMq:Password", "x"));
        var run = Guid.CreateVersion7();
        var queue = host.Services.GetRequiredService<OutboxQueue>();
        await host.SendAsync(new CancelRun { RunId = run }, new CancelRun { RunId = run }, new CancelRun { RunId = Guid.CreateVersion7() });
        await using var other = database.CreateDbContext();
        await using (await other.Database.BeginTransactionAsync(TestContext.Current.CancellationToken))
        {
            // It is being taken at this moment: locked, and nothing of it to be seen yet.
            await other.Database.ExecuteSqlAsync($"""SELECT 1 FROM "Outbox" WHERE "Id" = (SELECT MIN("Id") FROM "Outbox") FOR UPDATE""", TestContext.Current.CancellationToken);
            Assert.NotEqual(run, Assert.Single(await queue.TakeAsync(TestContext.Current.CancellationToken)).Aggregate);
        }

        // Free again: both, in order.
        Assert.Equal([run, run], (await queue.TakeAsync(TestContext.Current.CancellationToken)).Select(m => m.Aggregate!.Value));
    }

    [Fact]
    public async Task Delivery_SeenBeforeAnEarlierOne_WaitsForItsAggregateOnly()
    {
        var order = new DeliveryOrder();
        var (a, b) = (Guid.NewGuid(), Guid.NewGuid());

        // Numbers 3 and 2 are seen before 1; nothing may begin until it is known what 1 is about.
        var third = order.WaitAsync(3, b, CancellationToken.None);
        var second = order.WaitAsync(2, a, CancellationToken.None);
        Assert.False(third.IsCompleted || second.IsCompleted);

        var first = await order.WaitAsync(1, a, CancellationToken.None);
        (await third.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken)).Dispose();
        Assert.False(second.IsCompleted);
        first.Dispose();
        (await second.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken)).Dispose();
    }

    [Fact]
    public async Task Delivery_GivenUpWhileItWaits_DoesNotHoldBackTheNext()
    {
        var order = new DeliveryOrder();
        var a = Guid.NewGuid();
        using var cancel = new CancellationTokenSource();
        var early = order.WaitAsync(3, a, cancel.Token);
        var first = await order.WaitAsync(1, a, CancellationToken.None);
        var second = order.WaitAsync(2, a, cancel.Token);
        var fourth = order.WaitAsync(4, a, CancellationToken.None);

        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => early);
        first.Dispose();

        (await fourth.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken)).Dispose();
    }

    private static async Task DispatchAsync(MessagingHost host, CancellationToken cancellationToken)
    {
        using var dispatcher = host.NewDispatcher();
        while (!cancellationToken.IsCancellationRequested)
        {
            await dispatcher.DispatchAsync(CancellationToken.None);
            await Task.Yield();
        }
    }

    private static async Task<List<(Guid Run, int Step)>> EffectsAsync(TestDatabase database)
    {
        await using var db = database.CreateDbContext();
        var effects = await db.Database.SqlQuery<string>($"""SELECT "Text" AS "Value" FROM "Effects" ORDER BY "Id" """).ToListAsync();
        return effects.ConvertAll(e => e.Split(' ')).ConvertAll(e => (Guid.Parse(e[0]), int.Parse(e[1], CultureInfo.InvariantCulture)));
    }

    // Keys from the database, because those that the program makes have no order within a millisecond.
    private static async Task AddEffectsTableAsync(TestDatabase database)
    {
        await using var db = database.CreateDbContext();
        await (database.Provider == "sqlite"
            ? db.Database.ExecuteSqlAsync($"""CREATE TABLE "Effects" ("Id" INTEGER PRIMARY KEY AUTOINCREMENT, "Text" TEXT NOT NULL)""", TestContext.Current.CancellationToken)
            : db.Database.ExecuteSqlAsync($"""CREATE TABLE "Effects" ("Id" BIGINT GENERATED ALWAYS AS IDENTITY, "Text" TEXT NOT NULL)""", TestContext.Current.CancellationToken));
    }

    /// <summary>Effect: a row per step, in the order of the commits. Its troubles are drawn from the message and how often it came.</summary>
    internal sealed class RecordStepConsumer(AppDbContext db, Script script, ConcurrentDictionary<(Guid, int), int> tries) : IConsumer<RunProgressed>
    {
        public Task Consume(ConsumeContext<RunProgressed> context) => script.RunAsync(context, $"{context.Message.RunId} {context.Message.Step}", async () =>
        {
            var attempt = tries.AddOrUpdate((context.Message.RunId, context.Message.Step), 1, (_, n) => n + 1);
            var draw = new Philox((ulong)(context.Message.Step * 1000 + attempt)).Next(10);
            if (draw < 2)
            {
                throw new InvalidOperationException("before the save");
            }

            if (draw < 5)
            {
                await Task.Delay((int)draw * 5, context.CancellationToken);
            }

            var text = $"{context.Message.RunId} {context.Message.Step}";
            await db.Database.ExecuteSqlAsync($"""INSERT INTO "Effects" ("Text") VALUES ({text})""", context.CancellationToken);
            if (draw == 5)
            {
                throw new InvalidOperationException("after the save");
            }
        });
    }
}
