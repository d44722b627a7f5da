using System.Collections.Concurrent;
using System.Diagnostics;
using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Rlhf.Contracts.Labeling;
using Rlhf.Hosting.Messaging;
using Rlhf.Hosting.Telemetry;
using Rlhf.TestServers;

namespace Rlhf.Hosting.Tests.Messaging;

/// <summary>A trace goes on through the outbox, the transport, and a replay.</summary>
public sealed class TraceTests
{
    public static TheoryData<string> Stacks => TestStack.Names;

    [Theory]
    [MemberData(nameof(Stacks))]
    public async Task Trace_OfAChange_ContinuesInTheConsumerAndInItsReplay(string name)
    {
        await using var stack = await TestStack.CreateAsync(name);
        var project = await stack.Database.AddProjectAsync();
        var spans = new ConcurrentBag<(ActivityTraceId Trace, ActivitySpanId Id, ActivitySpanId Parent)>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is "MassTransit" or RlhfTelemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStarted = activity => spans.Add((activity.TraceId, activity.SpanId, activity.ParentSpanId)),
        };
        ActivitySource.AddActivityListener(listener);
        await using var host = new MessagingHost(stack, bus => bus.AddConsumer<CountJudgmentConsumer>(), null, ("Messaging:MaxAttempts", "1"));
        var seen = new ConcurrentQueue<ActivityContext>();
        host.Script.Before = (_, _) =>
        {
            seen.Enqueue(Activity.Current!.Context);
            return seen.Count == 1 ? throw new InvalidOperationException("the first time") : Task.CompletedTask;
        };
        await host.StartAsync();

        ActivityContext root;
        using (var change = new Activity("a change").Start())
        {
            root = change.Context;
            await host.SendAsync(new JudgmentRecorded { JudgmentId = Guid.CreateVersion7(), TaskId = Guid.CreateVersion7(), ProjectId = project.Id });
        }

        await Eventually.TrueAsync(
            async () => await host.Services.GetRequiredService<FailedMessageStore>().RetryAllAsync("labeling.judgment-recorded", TestContext.Current.CancellationToken) == 1,
            "the message was set aside and is replayed");
        await Eventually.TrueAsync(() => seen.Count == 2, "the replay has come");

        foreach (var consumer in seen)
        {
            Assert.Equal(root.TraceId, consumer.TraceId);

            // Up from the consumer, parent by parent, is the change.
            var parents = spans.Where(s => s.Trace == root.TraceId).ToDictionary(s => s.Id, s => s.Parent);
            var span = consumer.SpanId;
            var steps = 0;
            while (span != root.SpanId)
            {
                Assert.True(parents.TryGetValue(span, out span), "a span without a parent");
                steps++;
            }

            // At least: the dispatch, the bus's send, its receive or consume.
            Assert.InRange(steps, 3, 6);
        }
    }

    [Fact]
    public async Task Trace_WithNobodyListening_IsStillStored()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        await using var host = new MessagingHost(database, _ => { });
        using var change = new Activity("a change").Start();

        await host.SendAsync(new PromptsImported { ProjectId = Guid.CreateVersion7(), Count = 1 });

        await using var db = database.CreateDbContext();
        Assert.Equal(change.Id, (await db.Outbox.SingleAsync(TestContext.Current.CancellationToken)).TraceParent);
    }
}
