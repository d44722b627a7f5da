using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Rlhf.Contracts.Training;
using Rlhf.Hosting.Telemetry;
using Rlhf.TestServers;
using Rlhf.Training.Runs;

namespace Rlhf.Training.Tests.Runs;

// What goes wrong around a run: failures that pass, full disks, processes that end, and what telemetry says about it.
public sealed partial class RunWorkerTests
{
    [Fact]
    public async Task Run_ThatMeetsAFaultThatPasses_GoesOnByItself()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var run = await AddRunAsync(database);
        List<int> steps = [];
        var faults = 0;
        using var host = await StartAsync(
            database,
            c => CountToFive(c, steps, () =>
            {
                if (steps[^1] is 2 or 4 && faults++ < 2)
                {
                    throw new IOException("Input/output error", 5);
                }
            }),
            ("Runs:RetryDelay", "00:00:00"));

        var completed = await EndAsync(database, run);

        Assert.Equal((RunStatuses.Completed, (string?)null, 3L, 1), (completed.Status, completed.Error, completed.FencingToken, completed.Attempt));
        Assert.Equal([1, 2, 3, 4, 5], steps);
        Assert.Empty(await MessagesAsync<RunFailed>(database));
        await host.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Run_WhoseFaultStays_FailsAfterTheAllowedNumber()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var run = await AddRunAsync(database);
        var attempts = 0;
        using var host = await StartAsync(
            database,
            _ =>
            {
                attempts++;
                throw new InsufficientMemoryException("No memory.");
            },
            ("Runs:RetryDelay", "00:00:00"),
            ("Runs:MaxFailures", "3"));

        var failed = await EndAsync(database, run);

        Assert.Equal((RunStatuses.Failed, 3, 3), (failed.Status, failed.Failures, attempts));
        Assert.StartsWith("No memory. (failure 3 in a row, the last that is allowed)\n", failed.Error, StringComparison.Ordinal);
        await host.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Run_ForWhichThereIsNoRoom_WaitsAndSaysWhy()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var run = await AddRunAsync(database);
        var executed = false;
        using var host = await StartAsync(database, _ => executed = true, ("Storage:MinimumFreeBytes", "1125899906842624"));

        await Eventually.TrueAsync(async () => (await ReadAsync(database, run)).NotBefore is not null, "the run waits");

        var waiting = await ReadAsync(database, run);
        Assert.Equal((RunStatuses.Queued, 1, false), (waiting.Status, waiting.Failures, executed));
        Assert.Contains($"There is no room for the state of run {run.Id} on the volume of {_directory}", waiting.Error, StringComparison.Ordinal);
        Assert.Contains("1,125,899,906,842,624 are kept free (Storage:MinimumFreeBytes)", waiting.Error, StringComparison.Ordinal);
        await host.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Host_WhoseRunDoesNotStop_GivesItBackAfterTheTimeout()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var run = await AddRunAsync(database);
        using var release = new ManualResetEventSlim();
        var working = new TaskCompletionSource();
        using var host = await StartAsync(
            database,
            _ =>
            {
                working.SetResult();
                release.Wait();
            },
            ("Runs:ShutdownTimeout", "00:00:00.100"));
        await working.Task.WaitAsync(TimeSpan.FromMinutes(1), Cancel);

        await host.StopAsync(CancellationToken.None);

        var queued = await ReadAsync(database, run);
        Assert.Equal((RunStatuses.Queued, 0, (string?)null), (queued.Status, queued.Attempt, queued.LeaseOwner));
        release.Set();
    }

    [Fact]
    public async Task StaleWorker_ThatWakesUp_CannotChangeItsSuccessorsState()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var run = await AddRunAsync(database);
        List<int> steps = [];
        using var wakeUp = new ManualResetEventSlim();
        var asleep = new TaskCompletionSource();
        var ended = new TaskCompletionSource<Exception?>();
        using var first = await StartAsync(
            database,
            c => CountToFive(c, steps, () =>
            {
                if (steps[^1] == 3)
                {
                    asleep.SetResult();
                    wakeUp.Wait();
                    ended.SetResult(Record.Exception(() => File.WriteAllText(Path.Combine(c.StateDirectory, "step"), "99")));
                }
            }),
            ("Runs:Device", "first"));
        await asleep.Task.WaitAsync(TimeSpan.FromMinutes(1), Cancel);

        // Its lease runs out, as far as the others can see.
        await first.Services.GetRequiredService<RunQueue>().RequeueDeadOwnersAsync("nobody", Cancel);
        List<int> later = [];
        using var second = await StartAsync(
            database,
            c => CountToFive(c, later, () =>
            {
                if (later[^1] == 4)
                {
                    wakeUp.Set();
                    Assert.IsType<DirectoryNotFoundException>(ended.Task.WaitAsync(TimeSpan.FromMinutes(1)).GetAwaiter().GetResult());
                    Assert.Equal("4", File.ReadAllText(Path.Combine(c.StateDirectory, "step")));
                }
            }),
            ("Runs:Device", "second"));

        Assert.Equal(RunStatuses.Completed, (await EndAsync(database, run)).Status);
        Assert.Equal([4, 5], later);
        await first.StopAsync(CancellationToken.None);
        await second.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Workers_OfOneDevice_ExecuteOneRunAtATime()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var runs = new[] { await AddRunAsync(database), await AddRunAsync(database), await AddRunAsync(database) };
        var (now, most) = (0, 0);
        void Execute(RunContext context)
        {
            most = Math.Max(most, Interlocked.Increment(ref now));
            for (var step = 1; step <= 3; step++)
            {
                context.Report(step, 3, new Dictionary<string, double>());
            }

            Interlocked.Decrement(ref now);
            context.Complete(_ => { });
        }

        using var first = await StartAsync(database, Execute, ("Runs:Device", "d"));
        using var second = await StartAsync(database, Execute, ("Runs:Device", "d"));
        foreach (var run in runs)
        {
            Assert.Equal(RunStatuses.Completed, (await EndAsync(database, run)).Status);
        }

        Assert.Equal(1, most);
        await first.StopAsync(CancellationToken.None);
        await second.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Telemetry_OfARun_ContinuesTheTraceOfItsCommandAndCounts()
    {
        const string Parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var run = await AddRunAsync(database);
        await using (var db = database.CreateDbContext())
        {
            await db.Runs.ExecuteUpdateAsync(set => set.SetProperty(r => r.TraceParent, Parent), Cancel);
        }

        ConcurrentQueue<Activity> spans = [];
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == RlhfTelemetry.Name,
            Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = spans.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        ConcurrentQueue<string> measured = [];
        using var meters = new MeterListener { InstrumentPublished = (instrument, l) => { if (instrument.Meter.Name == RlhfTelemetry.Name) { l.EnableMeasurementEvents(instrument); } } };
        meters.SetMeasurementEventCallback<long>((instrument, _, _, _) => measured.Enqueue(instrument.Name));
        meters.SetMeasurementEventCallback<double>((instrument, _, _, _) => measured.Enqueue(instrument.Name));
        meters.Start();
        string? whileWorking = null;
        string? whileCompleting = null;
        var faults = 0;
        using var host = await StartAsync(
            database,
            c =>
            {
                if (faults++ == 0)
                {
                    throw new IOException("No space left on device", 28);
                }

                whileWorking = Activity.Current?.TraceId.ToString();
                c.Complete(_ => whileCompleting = Activity.Current?.TraceId.ToString());
            },
            ("Runs:RetryDelay", "00:00:00"));

        Assert.Equal(RunStatuses.Completed, (await EndAsync(database, run)).Status);
        await host.StopAsync(CancellationToken.None);

        // Other tests of the process run at the same time.
        var own = spans.Where(s => Equals(s.GetTagItem("rlhf.run.id"), run.Id)).ToList();
        Assert.Equal(["retried", "completed"], own.Select(s => (string?)s.GetTagItem("rlhf.run.outcome")));
        Assert.All(own, s => Assert.Equal(("run ppo", "4bf92f3577b34da6a3ce929d0e0e4736"), (s.OperationName, s.TraceId.ToString())));
        Assert.Equal(("4bf92f3577b34da6a3ce929d0e0e4736", "4bf92f3577b34da6a3ce929d0e0e4736"), (whileWorking, whileCompleting));
        Assert.Superset(new HashSet<string> { "rlhf.run.claims", "rlhf.run.retries", "rlhf.run.duration", "rlhf.run.queue_depth" }, measured.ToHashSet());
    }
}
