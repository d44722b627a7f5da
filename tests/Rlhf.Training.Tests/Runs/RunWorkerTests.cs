using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Rlhf.Contracts;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;
using Rlhf.TestServers;
using Rlhf.Training.Runs;

namespace Rlhf.Training.Tests.Runs;

public sealed partial class RunWorkerTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("rlhf-runs-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Run_ThatSucceeds_ReportsEveryStepAndRemovesItsState()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var run = await AddRunAsync(database);
        string? thread = null;
        RunContext? context = null;
        using var host = await StartAsync(database, c =>
        {
            (thread, context) = (Thread.CurrentThread.Name, c);
            Assert.True(Directory.Exists(c.StateDirectory));
            Assert.True(Directory.Exists(c.CheckpointStore));
            for (var step = 1; step <= 20; step++)
            {
                c.Report(step, 20, new Dictionary<string, double> { ["loss"] = 1.0 / step });
            }

            c.Complete(_ => { });
        });

        var completed = await EndAsync(database, run);

        Assert.Equal((RunStatuses.Completed, 20, 20), (completed.Status, completed.Step, completed.TotalSteps));
        Assert.Equal("compute", thread);
        await Eventually.TrueAsync(() => !Directory.Exists(context!.StateDirectory), "the state is removed");
        await using var db = database.CreateDbContext();
        Assert.Equal(20, await db.Metrics.CountAsync(Cancel));

        // Twenty quick reports within ten minutes: the first and the last are announced.
        Assert.Equal([1, 20], (await MessagesAsync<RunProgressed>(database)).Select(m => m.Step));
        await host.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Run_ThatThrows_KeepsErrorAndStepAndGoesOnFromItsStateWhenResumed()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var run = await AddRunAsync(database);
        var broken = true;
        List<int> steps = [];
        using var host = await StartAsync(database, c => CountToFive(c, steps, () =>
        {
            if (steps[^1] == 3 && broken)
            {
                broken = false;
                throw new InvalidOperationException("The loss is not a number.");
            }
        }));

        var failed = await EndAsync(database, run);
        Assert.Equal((RunStatuses.Failed, 3), (failed.Status, failed.Step));
        Assert.StartsWith("The loss is not a number.\n", failed.Error, StringComparison.Ordinal);
        Assert.Equal((3, "The loss is not a number."), Assert.Single((await MessagesAsync<RunFailed>(database)).Select(m => (m.Step, m.Error))));

        Assert.True(await host.Services.GetRequiredService<RunQueue>().ResumeAsync(run.Id, Cancel));
        Assert.Equal(RunStatuses.Completed, (await EndAsync(database, run)).Status);
        Assert.Equal([1, 2, 3, 4, 5], steps);
        await host.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Host_ThatStops_GivesTheRunBackAndTheNextOneGoesOn()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var run = await AddRunAsync(database);
        List<int> steps = [];
        var reached = new TaskCompletionSource();
        using (var first = await StartAsync(database, c => CountToFive(c, steps, () =>
        {
            if (steps[^1] == 2)
            {
                reached.SetResult();
                c.Stop.WaitHandle.WaitOne(TimeSpan.FromMinutes(1));
            }
        })))
        {
            await reached.Task.WaitAsync(TimeSpan.FromMinutes(1), Cancel);
            await first.StopAsync(CancellationToken.None);
        }

        var queued = await ReadAsync(database, run);
        Assert.Equal((RunStatuses.Queued, 0, (string?)null), (queued.Status, queued.Attempt, queued.LeaseOwner));

        using var second = await StartAsync(database, c => CountToFive(c, steps, () => { }));
        var completed = await EndAsync(database, run);
        Assert.Equal((RunStatuses.Completed, 1), (completed.Status, completed.Attempt));
        Assert.Equal([1, 2, 3, 4, 5], steps);
        await second.StopAsync(CancellationToken.None);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Worker_ThatDied_IsFollowedByAnother(bool takeOver)
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var run = await AddRunAsync(database);

        // What a worker leaves that died after two steps: a state, and a lease that lasts for an hour or has run out.
        await using (var db = database.CreateDbContext())
        {
            var claimed = await db.Runs.SingleAsync(Cancel);
            claimed.Status = RunStatuses.Running;
            claimed.LeaseOwner = "dead";
            claimed.LeaseExpiresAt = DateTimeOffset.UtcNow.AddHours(takeOver ? 1 : -1);
            (claimed.FencingToken, claimed.Attempt, claimed.Step) = (1, 1, 2);
            await db.SaveChangesAsync(Cancel);
        }

        var state = Directory.CreateDirectory(Path.Combine(_directory, "runs", run.Id.ToString(), "claim-1"));
        await File.WriteAllTextAsync(Path.Combine(state.FullName, "step"), "2", Cancel);
        List<int> steps = [];

        using var host = await StartAsync(database, c => CountToFive(c, steps, () => { }), ("Runs:TakeOverAtStart", takeOver.ToString()));

        var completed = await EndAsync(database, run);
        Assert.Equal((RunStatuses.Completed, 2, 2L), (completed.Status, completed.Attempt, completed.FencingToken));
        Assert.Equal([3, 4, 5], steps);
        await host.StopAsync(CancellationToken.None);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Run_CancelledWhileItWorks_StopsAtTheNextStep(bool reports)
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var run = await AddRunAsync(database);
        var working = new TaskCompletionSource();
        using var host = await StartAsync(database, c =>
        {
            working.SetResult();
            for (var step = 1; ; step++)
            {
                if (reports)
                {
                    c.Report(step, int.MaxValue, new Dictionary<string, double>());
                }
                else
                {
                    // Only the heartbeat sees it.
                    c.Stop.WaitHandle.WaitOne(TimeSpan.FromMinutes(1));
                    c.Stop.ThrowIfCancellationRequested();
                }
            }
        });
        await working.Task.WaitAsync(TimeSpan.FromMinutes(1), Cancel);

        Assert.True(await host.Services.GetRequiredService<RunQueue>().RequestCancelAsync(run.Id, Cancel));

        Assert.Equal(RunStatuses.Cancelled, (await EndAsync(database, run)).Status);
        Assert.Single(await MessagesAsync<RunCancelled>(database));
        await host.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Worker_ThatLostItsLease_StopsAndChangesNothing()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var run = await AddRunAsync(database);
        var working = new TaskCompletionSource();
        var taken = new ManualResetEventSlim();
        var ended = new TaskCompletionSource<Exception>();
        using var host = await StartAsync(database, c =>
        {
            try
            {
                working.SetResult();
                taken.Wait(TimeSpan.FromMinutes(1));
                c.Report(1, 2, new Dictionary<string, double> { ["loss"] = 1 });
            }
            catch (Exception exception)
            {
                ended.SetResult(exception);
                throw;
            }
        });
        await working.Task.WaitAsync(TimeSpan.FromMinutes(1), Cancel);
        await using (var db = database.CreateDbContext())
        {
            // Another machine has claimed the run.
            await db.Runs.ExecuteUpdateAsync(set => set.SetProperty(r => r.FencingToken, 9).SetProperty(r => r.LeaseOwner, "other").SetProperty(r => r.LeaseExpiresAt, DateTimeOffset.UtcNow.AddHours(1)), Cancel);
        }

        taken.Set();

        Assert.IsType<LeaseLostException>(await ended.Task.WaitAsync(TimeSpan.FromMinutes(1), Cancel));
        await host.StopAsync(CancellationToken.None);
        var after = await ReadAsync(database, run);
        Assert.Equal((RunStatuses.Running, "other", 9L, 0), (after.Status, after.LeaseOwner, after.FencingToken, after.Step));
        await using var check = database.CreateDbContext();
        Assert.Empty(await check.Metrics.ToListAsync(Cancel));
    }

    [Fact]
    public async Task Executor_ThatReturnsWithoutCompleting_FailsTheRun()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var run = await AddRunAsync(database);
        using var host = await StartAsync(database, _ => { });

        Assert.StartsWith("The executor of 'ppo' returned without completing the run.", (await EndAsync(database, run)).Error, StringComparison.Ordinal);
        await host.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Executor_ThatCompletesTwice_FailsTheRun()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var run = await AddRunAsync(database);
        using var host = await StartAsync(database, c =>
        {
            c.Complete(_ => { });
            c.Complete(_ => { });
        });

        Assert.Contains("was completed twice", (await EndAsync(database, run)).Error, StringComparison.Ordinal);
        await host.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Effects_ThatCannotBeSaved_FailTheRunAndLeaveNothing()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var run = await AddRunAsync(database);
        var missing = Guid.CreateVersion7();
        using var host = await StartAsync(database, c => c.Complete(db =>
        {
            db.Checkpoints.Add(new Checkpoint { ProjectId = run.ProjectId, Kind = CheckpointKinds.Policy, Version = 1, Path = "p", ContentHash = "h" });
            db.Checkpoints.Add(new Checkpoint { ProjectId = missing, Kind = CheckpointKinds.Policy, Version = 1, Path = "p", ContentHash = "h" });
        }));

        Assert.Equal(RunStatuses.Failed, (await EndAsync(database, run)).Status);
        await using var db = database.CreateDbContext();
        Assert.Empty(await db.Checkpoints.ToListAsync(Cancel));
        Assert.Empty(await MessagesAsync<RunCompleted>(database));
        await host.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Save_WhileTheRunGoesOn_IsThereBeforeItEnds()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var run = await AddRunAsync(database);
        var count = 0;
        using var host = await StartAsync(database, c =>
        {
            c.Save(db => db.CycleDecisions.Add(new CycleDecision { ProjectId = c.Run.ProjectId, Decision = "saved" }));
            using var db = database.CreateDbContext();
            count = db.CycleDecisions.Count();
            c.Complete(_ => { });
        });

        Assert.Equal(RunStatuses.Completed, (await EndAsync(database, run)).Status);
        Assert.Equal(1, count);
        await host.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Device_HeldBySomebodyElse_KeepsTheRunQueued()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var device = new ComputeDevice();
        var turn = await device.EnterAsync(Cancel);
        var run = await AddRunAsync(database);
        using var host = Build(database, c => c.Complete(_ => { }), device);
        var worker = host.Services.GetRequiredService<RunWorker>();

        var next = worker.ExecuteNextAsync([RunKinds.Ppo], Cancel);
        Assert.Equal(RunStatuses.Queued, (await ReadAsync(database, run)).Status);
        Assert.False(next.IsCompleted);

        turn.Dispose();
        Assert.True(await next);
        Assert.Equal(RunStatuses.Completed, (await ReadAsync(database, run)).Status);
    }

    [Fact]
    public async Task Executors_TwoOfOneKind_AreRefused()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite", migrate: false);
        using var host = Build(database, _ => { }, services: s => s.AddRunExecutor<ScriptedExecutor>());
        var worker = host.Services.GetRequiredService<RunWorker>();

        var exception = await Assert.ThrowsAsync<InvalidOperationException>(async () =>
        {
            await worker.StartAsync(Cancel);
            await worker.ExecuteTask!;
        });

        Assert.Equal("A run kind has two executors: ppo, ppo.", exception.Message);
    }

    [Theory]
    [InlineData("Runs:HeartbeatInterval", "00:00:31", "Runs:HeartbeatInterval is 00:00:31; it must be at most half of Runs:LeaseDuration (00:01:00).")]
    [InlineData("Runs:MaxRetryDelay", "00:00:29", "Runs:MaxRetryDelay is 00:00:29; it must be at least Runs:RetryDelay (00:00:30).")]
    [InlineData("Runs:MaxFailures", "0", "Runs:MaxFailures must lie between 1 and 1000.")]
    [InlineData("Runs:Device", "", "Runs:Device must have 1 to 200 characters.")]
    [InlineData("Runs:MaxAttempts", "0", "Runs:MaxAttempts must lie between 1 and 100.")]
    public async Task Setting_ThatIsNotLegal_StopsTheStart(string key, string value, string message)
    {
        await using var database = await TestDatabase.CreateAsync("sqlite", migrate: false);
        using var host = Build(database, _ => { }, settings: [("Runs:LeaseDuration", "00:01:00"), (key, value)]);

        var exception = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(Cancel));

        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    private async Task<IHost> StartAsync(TestDatabase database, Action<RunContext> execute, params (string, string)[] settings)
    {
        var host = Build(database, execute, settings: settings);
        await host.StartAsync(Cancel);
        return host;
    }

    private IHost Build(TestDatabase database, Action<RunContext> execute, ComputeDevice? device = null, Action<IServiceCollection>? services = null, params (string Key, string Value)[] settings)
    {
        Dictionary<string, string?> all = new()
        {
            ["Database:Provider"] = database.Provider,
            ["Database:ConnectionString"] = database.ConnectionString,
            ["Storage:DataDirectory"] = _directory,
            ["Runs:PollInterval"] = "00:00:00.020",
            ["Runs:HeartbeatInterval"] = "00:00:00.050",
            ["Runs:ProgressInterval"] = "00:10:00",
        };
        foreach (var (key, value) in settings)
        {
            all[key] = value;
        }

        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(all);
        builder.Logging.SetMinimumLevel(LogLevel.None);
        if (device is not null)
        {
            builder.Services.AddSingleton(device);
        }

        builder.Services.AddRlhfRuns(builder.Configuration).AddRlhfRuns(builder.Configuration);
        builder.Services.AddSingleton(execute);
        builder.Services.AddRunExecutor<ScriptedExecutor>();
        services?.Invoke(builder.Services);
        return builder.Build();
    }

    /// <summary>Five steps, each stored before it is reported, as a training loop does it.</summary>
    private static void CountToFive(RunContext context, List<int> steps, Action afterStep)
    {
        var file = Path.Combine(context.StateDirectory, "step");
        for (var step = File.Exists(file) ? int.Parse(File.ReadAllText(file), CultureInfo.InvariantCulture) + 1 : 1; step <= 5; step++)
        {
            steps.Add(step);
            File.WriteAllText(file, step.ToString(CultureInfo.InvariantCulture));
            context.Report(step, 5, new Dictionary<string, double> { ["step"] = step });
            afterStep();
            context.Stop.ThrowIfCancellationRequested();
        }

        context.Complete(_ => { });
    }

    private static async Task<Run> AddRunAsync(TestDatabase database)
    {
        var project = await database.AddProjectAsync();
        await using var db = database.CreateDbContext();
        var run = new Run { ProjectId = project.Id, Kind = RunKinds.Ppo, CommandId = Guid.CreateVersion7(), CreatedAt = DateTimeOffset.UtcNow };
        db.Runs.Add(run);
        await db.SaveChangesAsync(Cancel);
        return run;
    }

    private static async Task<Run> ReadAsync(TestDatabase database, Run run)
    {
        await using var db = database.CreateDbContext();
        return await db.Runs.SingleAsync(r => r.Id == run.Id, Cancel);
    }

    private static async Task<Run> EndAsync(TestDatabase database, Run run)
    {
        await Eventually.TrueAsync(async () => (await ReadAsync(database, run)).FinishedAt is not null, "the run ends");
        return await ReadAsync(database, run);
    }

    private static async Task<List<T>> MessagesAsync<T>(TestDatabase database)
    {
        await using var db = database.CreateDbContext();
        var name = MessageTypes.NameOf(typeof(T));
        return [.. (await db.Outbox.Where(m => m.Type == name).OrderBy(m => m.Id).ToListAsync(Cancel)).Select(m => (T)MessageJson.Deserialize(m.Body, typeof(T)))];
    }

    private sealed class ScriptedExecutor(Action<RunContext> execute) : IRunExecutor
    {
        public string Kind => RunKinds.Ppo;

        public void Execute(RunContext context) => execute(context);
    }
}
