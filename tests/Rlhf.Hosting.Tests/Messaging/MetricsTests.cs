using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using MassTransit;
using Microsoft.Extensions.Logging.Abstractions;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.RewardModel;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Hosting.Messaging;
using Rlhf.Hosting.Telemetry;
using Rlhf.TestServers;

namespace Rlhf.Hosting.Tests.Messaging;

/// <summary>The values behind the instruments. They are the process's: a test tells its own by an endpoint or a type that no other one uses.</summary>
public sealed class MetricsTests
{
    public static TheoryData<string> Stacks => TestStack.Names;

    public static TheoryData<string> Providers => TestDatabase.Providers;

    [Theory]
    [MemberData(nameof(Stacks))]
    public async Task Bus_CountsAndTimesEveryAttemptByItsOutcome(string name)
    {
        await using var stack = await TestStack.CreateAsync(name);
        var failsOnce = await stack.Database.AddProjectAsync();
        var isWrong = await stack.Database.AddProjectAsync();
        var endpoint = $"measured-{name}";
        using var measured = new Measurements();
        await using var host = new MessagingHost(stack, bus => bus.AddConsumer<CountJudgmentConsumer>().Endpoint(e => e.Name = endpoint));
        var attempts = 0;
        host.Script.Before = (_, _) => Interlocked.Increment(ref attempts) switch
        {
            1 => throw new InvalidOperationException("for now"),
            2 => Task.CompletedTask,
            _ => throw new ArgumentException("for good"),
        };
        await host.StartAsync();

        await host.SendAsync(Judgment(failsOnce));
        await Eventually.TrueAsync(() => measured.Sum("rlhf.messages.consumed", endpoint, "handled") == 1, "the first message is handled");
        await host.SendAsync(Judgment(isWrong), new CompletionsScored { CommandId = Guid.NewGuid(), ProjectId = isWrong.Id, CheckpointId = Guid.NewGuid(), RunId = Guid.NewGuid(), Count = 1 });
        await Eventually.TrueAsync(() => measured.Sum("rlhf.messages.consumed", endpoint, "set_aside") == 1, "the second message is set aside");
        await Eventually.TrueAsync(() => measured.Sum("rlhf.outbox.dispatched", "reward-model.completions-scored", "published") == 1, "the third message is published");

        Assert.Equal(1, measured.Sum("rlhf.messages.consumed", endpoint, "failed"));
        Assert.Equal(3, measured.Count("rlhf.messages.consume.duration", endpoint));
        Assert.Equal(1, measured.Count("rlhf.outbox.dispatch.duration", "reward-model.completions-scored"));
        Assert.All(measured.Values("rlhf.messages.consume.duration", endpoint), seconds => Assert.InRange(seconds, 0, 600));
    }

    [Fact]
    public async Task Bus_DeliveryBrokenOffByTheEndOfTheProcess_IsNotCountedAsHandled()
    {
        await using var stack = await TestStack.CreateAsync(TestStack.Embedded);
        var project = await stack.Database.AddProjectAsync();
        using var measured = new Measurements();
        await using (var host = new MessagingHost(stack, bus => bus.AddConsumer<CountJudgmentConsumer>().Endpoint(e => e.Name = "broken-off")))
        {
            var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            host.Script.Before = async (_, stop) =>
            {
                begun.SetResult();
                await Task.Delay(Timeout.Infinite, stop);
            };
            await host.StartAsync();
            await host.SendAsync(Judgment(project));
            await begun.Task;
            await host.StopAsync();
        }

        Assert.Equal((0, 1), (measured.Sum("rlhf.messages.consumed", "broken-off", "handled"), measured.Sum("rlhf.messages.consumed", "broken-off", "cancelled")));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Monitor_MeasuresDepthAgeAndFailures(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var now = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
        await using (var db = database.CreateDbContext())
        {
            OutboxWriter.Add(db, new PromptsImported { ProjectId = Guid.NewGuid(), Count = 1 }).CreatedAt = now.AddMinutes(-30);
            await db.SaveChangesAsync(TestContext.Current.CancellationToken);
            OutboxWriter.Add(db, new PromptsImported { ProjectId = Guid.NewGuid(), Count = 2 }).CreatedAt = now;
            FailedMessage Failed(DateTimeOffset? setAsideAt) => new() { MessageId = Guid.NewGuid(), Endpoint = "e", Type = "t", Body = "{}", Error = "x", SetAsideAt = setAsideAt };
            db.FailedMessages.AddRange(Failed(null), Failed(now), Failed(now), Failed(now));
            await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        }

        using var measured = new Measurements();
        using var monitor = new OutboxMonitor(database, new FixedTime(now), NullLogger<OutboxMonitor>.Instance);
        await measured.OnlyFromHereAsync(() => monitor.MeasureAsync(TestContext.Current.CancellationToken));

        Assert.Equal([2], measured.Values("rlhf.outbox.depth"));
        Assert.Equal([1800], measured.Values("rlhf.outbox.lag"));
        Assert.Equal([1], measured.Values("rlhf.messages.failed"));
        Assert.Equal([3], measured.Values("rlhf.messages.set_aside"));
    }

    private static JudgmentRecorded Judgment(Project project) => new() { JudgmentId = Guid.CreateVersion7(), TaskId = Guid.CreateVersion7(), ProjectId = project.Id };

    private sealed class FixedTime(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }

    private sealed class Measurements : IDisposable
    {
        private readonly AsyncLocal<bool> _isHere = new();
        private readonly ConcurrentQueue<(string Name, string[] Tags, double Value, bool IsHere)> _all = new();
        private readonly MeterListener _listener = new();

        public Measurements()
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter == RlhfTelemetry.Meter)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
            _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
            _listener.Start();
        }

        public IEnumerable<double> Values(string name, params string[] tags) =>
            _all.Where(m => m.Name == name && (tags.Length == 0 ? m.IsHere : tags.All(m.Tags.Contains))).Select(m => m.Value);

        public double Sum(string name, params string[] tags) => Values(name, tags).Sum();

        public int Count(string name, params string[] tags) => Values(name, tags).Count();

        // Gauges have no tags; other hosts of this process set them too.
        public async Task OnlyFromHereAsync(Func<Task> measure)
        {
            _isHere.Value = true;
            await measure();
        }

        public void Dispose() => _listener.Dispose();

        private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
            _all.Enqueue((instrument.Name, Array.ConvertAll(tags.ToArray(), tag => tag.Value as string ?? ""), value, _isHere.Value));
    }
}
