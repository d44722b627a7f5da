using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;
using Rlhf.TestServers;
using Rlhf.Training.Runs;

namespace Rlhf.Training.Tests.Runs;

/// <summary>Who gets which run: priorities, and one run a device.</summary>
public sealed class RunClaimTests
{
    private readonly ManualTime _time = new();

    public static TheoryData<string> Providers => TestDatabase.Providers;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Claim_HigherPriority_GoesFirstAndAmongEqualsTheOldest(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var queue = Queue(database);
        var old = await AddRunAsync(database, priority: 0, minutesAgo: 9);
        var urgent = await AddRunAsync(database, priority: 5, minutesAgo: 1);
        var urgentAndOlder = await AddRunAsync(database, priority: 5, minutesAgo: 2);
        var unimportant = await AddRunAsync(database, priority: -1, minutesAgo: 99);

        List<Guid> order = [];
        for (var i = 0; i < 4; i++)
        {
            order.Add((await queue.ClaimAsync([RunKinds.Ppo], "w", $"device {i}", Cancel))!.Id);
        }

        Assert.Equal([urgentAndOlder.Id, urgent.Id, old.Id, unimportant.Id], order);
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Claim_OnADeviceThatIsTaken_WaitsUntilItIsFree(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var queue = Queue(database);
        await AddRunAsync(database);
        var waiting = await AddRunAsync(database);
        var first = (await queue.ClaimAsync([RunKinds.Ppo], "a", "host1/cuda:0", Cancel))!;

        Assert.Equal("host1/cuda:0", first.Device);
        Assert.Null(await queue.ClaimAsync([RunKinds.Ppo], "b", "host1/cuda:0", Cancel));

        await queue.CompleteAsync(new RunLease(first.Id, "a", first.FencingToken), null, _ => { }, Cancel);
        Assert.Equal(waiting.Id, (await queue.ClaimAsync([RunKinds.Ppo], "b", "host1/cuda:0", Cancel))?.Id);
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Claim_ManyProcessesOfOneDeviceAtOnce_LetsOneIn(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var queue = Queue(database);
        for (var i = 0; i < 8; i++)
        {
            await AddRunAsync(database);
        }

        var claims = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() => queue.ClaimAsync([RunKinds.Ppo], $"worker {i}", "host1/cuda:0"))));

        Assert.Single(claims, c => c is not null);
        await using var db = database.CreateDbContext();
        Assert.Equal(1, await db.Runs.CountAsync(r => r.Status == RunStatuses.Running, Cancel));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Index_SecondRunningRunOfADevice_IsRefusedAndRecognised(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var first = await AddRunAsync(database);
        var second = await AddRunAsync(database);
        await using var db = database.CreateDbContext();
        Task<int> RunAsync(Guid id) => db.Runs.Where(r => r.Id == id)
            .ExecuteUpdateAsync(set => set.SetProperty(r => r.Status, RunStatuses.Running).SetProperty(r => r.Device, "d"), Cancel);
        await RunAsync(first.Id);

        var exception = await Assert.ThrowsAnyAsync<Exception>(() => RunAsync(second.Id));

        Assert.True(RunFaults.IsUniqueViolation(exception));
        Assert.False(RunFaults.IsTransient(exception));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Enqueue_WithAndWithoutAPriority_KeepsItAndTheTraceOfTheCommand(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var project = await database.AddProjectAsync();
        using var activity = new Activity("command").SetIdFormat(ActivityIdFormat.W3C).Start();
        await using (var db = database.CreateDbContext())
        {
            foreach (var (kind, priority) in new (string, int?)[] { (RunKinds.Ppo, null), (RunKinds.Sample, null), (RunKinds.Sample, 3) })
            {
                await RunQueue.EnqueueAsync(db, new StartRun { CommandId = Guid.CreateVersion7(), ProjectId = project.Id, Kind = kind, Seed = 1, Priority = priority }, "{}", Cancel);
            }

            await db.SaveChangesAsync(Cancel);
        }

        await using var read = database.CreateDbContext();
        var runs = await read.Runs.OrderBy(r => r.Kind).ThenByDescending(r => r.Priority).ToListAsync(Cancel);
        Assert.Equal([(RunKinds.Ppo, 0), (RunKinds.Sample, 10), (RunKinds.Sample, 3)], runs.Select(r => (r.Kind, r.Priority)));
        Assert.All(runs, r => Assert.Equal(activity.Id, r.TraceParent));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task CountQueued_SeveralKinds_CountsThoseThatWait(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var queue = Queue(database);
        await AddRunAsync(database);
        await AddRunAsync(database);
        await AddRunAsync(database, kind: RunKinds.Sample);
        await queue.ClaimAsync([RunKinds.Sample], "w", "d", Cancel);

        Assert.Equal([(RunKinds.Ppo, 2)], (await queue.CountQueuedAsync(Cancel)).Select(q => (q.Key, q.Value)));
    }

    private RunQueue Queue(TestDatabase database) => new(database, Options.Create(new RunOptions()), new ManualClock(_time));

    private async Task<Run> AddRunAsync(TestDatabase database, int priority = 0, int minutesAgo = 0, string kind = RunKinds.Ppo)
    {
        var project = await database.AddProjectAsync();
        await using var db = database.CreateDbContext();
        var run = new Run { ProjectId = project.Id, Kind = kind, CommandId = Guid.CreateVersion7(), Priority = priority, CreatedAt = _time.GetUtcNow().AddMinutes(-minutesAgo) };
        db.Runs.Add(run);
        await db.SaveChangesAsync(Cancel);
        return run;
    }
}
