using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Rlhf.Contracts;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;
using Rlhf.TestServers;
using Rlhf.Training.Runs;

namespace Rlhf.Training.Tests.Runs;

/// <summary>Failures that may pass: the run waits, longer each time, and fails in the end.</summary>
public sealed class RunRetryTests
{
    private static readonly RunOptions s_options = new() { RetryDelay = TimeSpan.FromSeconds(30), MaxRetryDelay = TimeSpan.FromSeconds(100), MaxFailures = 5 };
    private readonly ManualTime _time = new();

    public static TheoryData<string> Providers => TestDatabase.Providers;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Retry_AgainAndAgain_WaitsTwiceAsLongUpToTheLimitAndFailsInTheEnd(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var queue = Queue(database);
        var run = await AddRunAsync(database);

        // 30 s doubled is 60 s, doubled again 120 s, of which 100 s are allowed; the fifth failure is the last.
        foreach (var (seconds, failures) in new[] { (30, 1), (60, 2), (100, 3), (100, 4) })
        {
            Assert.Equal(RunStatuses.Queued, await queue.RetryAsync(await ClaimAsync(queue), "The disk is full.\nat Save", madeProgress: false, Cancel));
            var waiting = await ReadAsync(database, run.Id);
            Assert.Equal((RunStatuses.Queued, failures, 0, _time.GetUtcNow().AddSeconds(seconds)), (waiting.Status, waiting.Failures, waiting.Attempt, waiting.NotBefore));
            Assert.StartsWith($"The disk is full. (failure {failures} of 5; tried again after ", waiting.Error, StringComparison.Ordinal);

            _time.Advance(TimeSpan.FromSeconds(seconds - 1));
            Assert.Null(await queue.ClaimAsync([RunKinds.Ppo], "w", "w", Cancel));
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Empty(await MessagesAsync<RunFailed>(database));
        var lease = await ClaimAsync(queue);
        Assert.Equal((null, (DateTimeOffset?)null), ((await ReadAsync(database, run.Id)).Error, (await ReadAsync(database, run.Id)).NotBefore));
        Assert.Equal(RunStatuses.Failed, await queue.RetryAsync(lease, "The disk is full.\nat Save", madeProgress: false, Cancel));

        var failed = await ReadAsync(database, run.Id);
        Assert.Equal((RunStatuses.Failed, 5, _time.GetUtcNow()), (failed.Status, failed.Failures, failed.FinishedAt));
        Assert.Equal("The disk is full. (failure 5 in a row, the last that is allowed)", Assert.Single(await MessagesAsync<RunFailed>(database)).Error);
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Retry_AfterProgress_CountsFromOneAgain(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var queue = Queue(database);
        var run = await AddRunAsync(database);
        await queue.RetryAsync(await ClaimAsync(queue), "e", madeProgress: false, Cancel);
        _time.Advance(TimeSpan.FromSeconds(30));

        await queue.RetryAsync(await ClaimAsync(queue), "e", madeProgress: true, Cancel);

        var waiting = await ReadAsync(database, run.Id);
        Assert.Equal((1, _time.GetUtcNow().AddSeconds(30)), (waiting.Failures, waiting.NotBefore));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Cancel_WhileItWaits_EndsItAtOnceAndItCanBeResumed(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var queue = Queue(database);
        var run = await AddRunAsync(database);
        await queue.RetryAsync(await ClaimAsync(queue), "e", madeProgress: false, Cancel);

        Assert.True(await queue.RequestCancelAsync(run.Id, Cancel));
        Assert.Equal(RunStatuses.Cancelled, (await ReadAsync(database, run.Id)).Status);
        Assert.Single(await MessagesAsync<RunCancelled>(database));

        Assert.True(await queue.ResumeAsync(run.Id, Cancel));
        var resumed = await ReadAsync(database, run.Id);
        Assert.Equal((RunStatuses.Queued, 0, (DateTimeOffset?)null, false), (resumed.Status, resumed.Failures, resumed.NotBefore, resumed.CancelRequested));
        await ClaimAsync(queue);
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Resume_WhileItWaits_EndsTheWait(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var queue = Queue(database);
        var run = await AddRunAsync(database);
        await queue.RetryAsync(await ClaimAsync(queue), "e", madeProgress: false, Cancel);

        Assert.True(await queue.ResumeAsync(run.Id, Cancel));

        Assert.Equal(0, (await ReadAsync(database, run.Id)).Failures);
        await ClaimAsync(queue);
    }

    [Theory]
    [InlineData("sqlite", true)]
    [InlineData("sqlite", false)]
    [InlineData("postgres", true)]
    [InlineData("postgres", false)]
    public async Task GiveBack_RunThatIsToStop_EndsItAsCancelled(string provider, bool afterFailure)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var queue = Queue(database);
        var run = await AddRunAsync(database);
        var lease = await ClaimAsync(queue);
        await queue.RequestCancelAsync(run.Id, Cancel);

        if (afterFailure)
        {
            Assert.Equal(RunStatuses.Cancelled, await queue.RetryAsync(lease, "e", madeProgress: false, Cancel));
        }
        else
        {
            await queue.ReleaseAsync(lease, Cancel);
        }

        var cancelled = await ReadAsync(database, run.Id);
        Assert.Equal((RunStatuses.Cancelled, _time.GetUtcNow(), (string?)null), (cancelled.Status, cancelled.FinishedAt, cancelled.LeaseOwner));
        Assert.Single(await MessagesAsync<RunCancelled>(database));
    }

    private RunQueue Queue(TestDatabase database) => new(database, Options.Create(s_options), new ManualClock(_time));

    private static async Task<RunLease> ClaimAsync(RunQueue queue)
    {
        var run = await queue.ClaimAsync([RunKinds.Ppo], "w", "w", Cancel);
        Assert.NotNull(run);
        return new RunLease(run.Id, "w", run.FencingToken);
    }

    private async Task<Run> AddRunAsync(TestDatabase database)
    {
        var project = await database.AddProjectAsync();
        await using var db = database.CreateDbContext();
        var run = new Run { ProjectId = project.Id, Kind = RunKinds.Ppo, CommandId = Guid.CreateVersion7(), CreatedAt = _time.GetUtcNow() };
        db.Runs.Add(run);
        await db.SaveChangesAsync(Cancel);
        return run;
    }

    private static async Task<Run> ReadAsync(TestDatabase database, Guid id)
    {
        await using var db = database.CreateDbContext();
        return await db.Runs.SingleAsync(r => r.Id == id, Cancel);
    }

    private static async Task<List<T>> MessagesAsync<T>(TestDatabase database)
    {
        await using var db = database.CreateDbContext();
        var name = MessageTypes.NameOf(typeof(T));
        return [.. (await db.Outbox.Where(m => m.Type == name).OrderBy(m => m.Id).ToListAsync(Cancel)).Select(m => (T)MessageJson.Deserialize(m.Body, typeof(T)))];
    }
}
