using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Rlhf.Contracts;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Sampling;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;
using Rlhf.Hosting;
using Rlhf.TestServers;
using Rlhf.Training.Runs;

namespace Rlhf.Training.Tests.Runs;

public sealed class RunQueueTests
{
    private static readonly RunOptions s_options = new() { LeaseDuration = TimeSpan.FromSeconds(60), MaxAttempts = 2 };
    private static readonly TimeSpan s_pastLease = TimeSpan.FromSeconds(61);
    private static readonly Dictionary<string, double> s_noMetrics = [];
    private readonly ManualTime _time = new();

    public static TheoryData<string> Providers => TestDatabase.Providers;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Claim_SeveralWorkersAtOnce_OneGetsTheRun(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var queue = Queue(database);
        var run = await AddRunAsync(database);

        var claims = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() => queue.ClaimAsync([RunKinds.Ppo], $"worker {i}", $"device {i}"))));

        var claimed = Assert.Single(claims, c => c is not null)!;
        Assert.Equal((run.Id, RunStatuses.Running, 1L, 1), (claimed.Id, claimed.Status, claimed.FencingToken, claimed.Attempt));
        Assert.Equal(_time.GetUtcNow() + s_options.LeaseDuration, claimed.LeaseExpiresAt);
        Assert.Equal([run.Id], (await MessagesAsync<RunStarted>(database)).Select(m => m.RunId));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Claim_SeveralRuns_TakesTheOldestOfItsKinds(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var queue = Queue(database);
        var younger = await AddRunAsync(database, createdAt: _time.GetUtcNow());
        var older = await AddRunAsync(database, createdAt: _time.GetUtcNow().AddMinutes(-1));
        await AddRunAsync(database, RunKinds.Sft, _time.GetUtcNow().AddMinutes(-2));

        Assert.Equal(older.Id, (await queue.ClaimAsync([RunKinds.Ppo, RunKinds.Sample], "w", Guid.NewGuid().ToString(), Cancel))!.Id);
        Assert.Equal(younger.Id, (await queue.ClaimAsync([RunKinds.Ppo, RunKinds.Sample], "w", Guid.NewGuid().ToString(), Cancel))!.Id);
        Assert.Null(await queue.ClaimAsync([RunKinds.Ppo, RunKinds.Sample], "w", Guid.NewGuid().ToString(), Cancel));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Lease_ThatPassedOn_LetsItsOldHolderWriteNothing(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var queue = Queue(database);
        var run = await AddRunAsync(database);
        var old = await ClaimAsync(queue, "first");
        _time.Advance(s_pastLease);
        Assert.Equal(1, await queue.RequeueExpiredAsync(Cancel));
        var current = await ClaimAsync(queue, "second");
        Assert.Equal(old.FencingToken + 1, current.FencingToken);
        var before = await ReadAsync(database, run.Id);
        var messages = await MessageCountAsync(database);

        Assert.Equal(LeaseState.Lost, await queue.HeartbeatAsync(old, Cancel));
        Assert.Equal(LeaseState.Lost, await queue.ReportAsync(old, 5, 10, new Dictionary<string, double> { ["loss"] = 1 }, announce: true, Cancel));
        await Assert.ThrowsAsync<LeaseLostException>(() => queue.SaveAsync(old, db => db.Add(Checkpoint(run)), Cancel));
        await Assert.ThrowsAsync<LeaseLostException>(() => queue.CompleteAsync(old, null, db => db.Add(Checkpoint(run)), Cancel));
        await Assert.ThrowsAsync<LeaseLostException>(() => queue.FailAsync(old, "late", Cancel));
        await Assert.ThrowsAsync<LeaseLostException>(() => queue.CancelAsync(old, Cancel));
        await Assert.ThrowsAsync<LeaseLostException>(() => queue.RetryAsync(old, "late", madeProgress: true, Cancel));
        await queue.ReleaseAsync(old, Cancel);

        Assert.Equivalent(before, await ReadAsync(database, run.Id), strict: true);
        Assert.Equal(messages, await MessageCountAsync(database));
        await using var db = database.CreateDbContext();
        Assert.Empty(await db.Metrics.ToListAsync(Cancel));
        Assert.Empty(await db.Checkpoints.ToListAsync(Cancel));
        Assert.Equal(LeaseState.Held, await queue.HeartbeatAsync(current, Cancel));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Lease_RenewedInTime_IsNotTakenAway(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var queue = Queue(database);
        await AddRunAsync(database);
        var lease = await ClaimAsync(queue, "w");

        // 40 s + 40 s is past the first lease of 60 s, not past the renewed one.
        _time.Advance(TimeSpan.FromSeconds(40));
        Assert.Equal(LeaseState.Held, await queue.HeartbeatAsync(lease, Cancel));
        _time.Advance(TimeSpan.FromSeconds(40));

        Assert.Equal(0, await queue.RequeueExpiredAsync(Cancel));
        Assert.Equal(LeaseState.Held, await queue.HeartbeatAsync(lease, Cancel));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Run_WhoseWorkersDieTooOften_FailsWithItsStep(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var queue = Queue(database);
        var run = await AddRunAsync(database);
        await ClaimAsync(queue, "first");
        _time.Advance(s_pastLease);
        await queue.RequeueExpiredAsync(Cancel);
        var second = await ClaimAsync(queue, "second");
        await queue.ReportAsync(second, 7, 10, s_noMetrics, announce: false, Cancel);
        _time.Advance(s_pastLease);

        Assert.Equal(1, await queue.RequeueExpiredAsync(Cancel));

        var failed = await ReadAsync(database, run.Id);
        Assert.Equal((RunStatuses.Failed, _time.GetUtcNow()), (failed.Status, failed.FinishedAt));
        Assert.Equal("2 workers in a row died while they executed this run, the last one (second) after step 7.", failed.Error);
        var message = Assert.Single(await MessagesAsync<RunFailed>(database));
        Assert.Equal((7, failed.Error), (message.Step, message.Error));
        Assert.Null(await queue.ClaimAsync([RunKinds.Ppo], "third", "third", Cancel));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Owners_KnownDead_LoseTheirRunsAtOnce(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var queue = Queue(database);
        await AddRunAsync(database);
        await AddRunAsync(database);
        var dead = await ClaimAsync(queue, "dead");
        var living = await ClaimAsync(queue, "living");

        Assert.Equal(1, await queue.RequeueDeadOwnersAsync("living", Cancel));

        Assert.Equal(LeaseState.Lost, await queue.HeartbeatAsync(dead, Cancel));
        Assert.Equal(LeaseState.Held, await queue.HeartbeatAsync(living, Cancel));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Release_OrderlyStop_DoesNotCountAsAnAttempt(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var queue = Queue(database);
        var run = await AddRunAsync(database);

        // More often than a run may die.
        for (var i = 0; i < 5; i++)
        {
            await queue.ReleaseAsync(await ClaimAsync(queue, "w"), Cancel);
        }

        var released = await ReadAsync(database, run.Id);
        Assert.Equal((RunStatuses.Queued, 0, 5L, (string?)null), (released.Status, released.Attempt, released.FencingToken, released.LeaseOwner));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Cancel_QueuedRun_EndsItAtOnceAndOnlyOnce(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var queue = Queue(database);
        var run = await AddRunAsync(database);

        Assert.True(await queue.RequestCancelAsync(run.Id, Cancel));
        Assert.False(await queue.RequestCancelAsync(run.Id, Cancel));

        Assert.Equal(RunStatuses.Cancelled, (await ReadAsync(database, run.Id)).Status);
        Assert.Equal([run.Id], (await MessagesAsync<RunCancelled>(database)).Select(m => m.RunId));
        Assert.Null(await queue.ClaimAsync([RunKinds.Ppo], "w", "w", Cancel));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Cancel_RunningRun_IsSeenByItsWorkerAndOutlivesIt(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var queue = Queue(database);
        var run = await AddRunAsync(database);
        var lease = await ClaimAsync(queue, "w");

        Assert.True(await queue.RequestCancelAsync(run.Id, Cancel));

        Assert.Equal(LeaseState.CancelRequested, await queue.HeartbeatAsync(lease, Cancel));
        Assert.Equal(LeaseState.CancelRequested, await queue.ReportAsync(lease, 1, 2, s_noMetrics, announce: false, Cancel));

        // The worker dies before it obeys.
        _time.Advance(s_pastLease);
        await queue.RequeueExpiredAsync(Cancel);
        Assert.Equal(RunStatuses.Cancelled, (await ReadAsync(database, run.Id)).Status);
        Assert.Single(await MessagesAsync<RunCancelled>(database));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Resume_EndedRun_IsQueuedAgainUnlessItCompleted(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var queue = Queue(database);
        var run = await AddRunAsync(database);
        Assert.False(await queue.ResumeAsync(run.Id, Cancel));
        await queue.FailAsync(await ClaimAsync(queue, "w"), "The loss is not a number.\nat step 3", Cancel);
        Assert.Equal("The loss is not a number.", Assert.Single(await MessagesAsync<RunFailed>(database)).Error);
        Assert.Equal("The loss is not a number.\nat step 3", (await ReadAsync(database, run.Id)).Error);

        Assert.True(await queue.ResumeAsync(run.Id, Cancel));

        var resumed = await ReadAsync(database, run.Id);
        Assert.Equal((RunStatuses.Queued, 0, (string?)null, (DateTimeOffset?)null), (resumed.Status, resumed.Attempt, resumed.Error, resumed.FinishedAt));
        var lease = await ClaimAsync(queue, "w");
        await queue.RequestCancelAsync(run.Id, Cancel);
        await queue.CancelAsync(lease, Cancel);
        Assert.True(await queue.ResumeAsync(run.Id, Cancel));
        lease = await ClaimAsync(queue, "w");
        Assert.Equal(LeaseState.Held, await queue.HeartbeatAsync(lease, Cancel));
        await queue.CompleteAsync(lease, null, _ => { }, Cancel);
        Assert.False(await queue.ResumeAsync(run.Id, Cancel));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Report_RepeatedStep_OverwritesItsMetricsAndLeavesOutWhatIsNoNumber(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var queue = Queue(database);
        var run = await AddRunAsync(database);
        var lease = await ClaimAsync(queue, "w");

        await queue.ReportAsync(lease, 1, 3, new Dictionary<string, double> { ["loss"] = 2.5, ["objective/kl"] = 0.25 }, announce: true, Cancel);
        await queue.ReportAsync(lease, 2, 3, new Dictionary<string, double> { ["loss"] = 2 }, announce: false, Cancel);
        await queue.ReportAsync(lease, 1, 3, new Dictionary<string, double> { ["loss"] = 1.5, ["objective/kl"] = double.NaN }, announce: false, Cancel);

        await using var db = database.CreateDbContext();
        var points = await db.Metrics.OrderBy(m => m.Step).ThenBy(m => m.Name).Select(m => new { m.Step, m.Name, m.Value }).ToListAsync(Cancel);
        Assert.Equal([(1, "loss", 1.5), (1, "objective/kl", 0.25), (2, "loss", 2.0)], points.Select(p => (p.Step, p.Name, p.Value)));
        Assert.Equal((1, 3), ((await ReadAsync(database, run.Id)).Step, (await ReadAsync(database, run.Id)).TotalSteps));
        Assert.Equal((1, 3), Assert.Single((await MessagesAsync<RunProgressed>(database)).Select(m => (m.Step, m.TotalSteps))));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Complete_WithEffects_CommitsThemWithTheStatusAndTheMessage(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var queue = Queue(database);
        var run = await AddRunAsync(database);
        var checkpoint = Checkpoint(run);

        await queue.CompleteAsync(await ClaimAsync(queue, "w"), checkpoint.Id, db => db.Add(checkpoint), Cancel);

        var completed = await ReadAsync(database, run.Id);
        Assert.Equal((RunStatuses.Completed, checkpoint.Id, (string?)null), (completed.Status, completed.OutputCheckpointId, completed.LeaseOwner));
        await using var db = database.CreateDbContext();
        Assert.Equal(checkpoint.Id, (await db.Checkpoints.SingleAsync(Cancel)).Id);
        Assert.Equal((run.Id, checkpoint.Id), Assert.Single((await MessagesAsync<RunCompleted>(database)).Select(m => (m.RunId, m.OutputCheckpointId!.Value))));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Complete_EffectsThatCannotBeSaved_ChangesNothing(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var queue = Queue(database);
        var run = await AddRunAsync(database);
        var lease = await ClaimAsync(queue, "w");
        await queue.SaveAsync(lease, db => db.Add(Checkpoint(run)), Cancel);

        // The version is taken.
        await Assert.ThrowsAsync<DbUpdateException>(() => queue.CompleteAsync(lease, null, db => db.Add(Checkpoint(run)), Cancel));

        Assert.Equal(RunStatuses.Running, (await ReadAsync(database, run.Id)).Status);
        Assert.Empty(await MessagesAsync<RunCompleted>(database));
        Assert.Equal(LeaseState.Held, await queue.HeartbeatAsync(lease, Cancel));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Enqueue_SameCommandAgain_AddsNothing(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var project = await database.AddProjectAsync();
        var command = new StartRun { CommandId = Guid.CreateVersion7(), ProjectId = project.Id, Kind = RunKinds.Sft, Seed = 42 };
        await using (var db = database.CreateDbContext())
        {
            Assert.NotNull(await RunQueue.EnqueueAsync(db, command, """{"steps":3}""", Cancel));
            await db.SaveChangesAsync(Cancel);
        }

        await using var again = database.CreateDbContext();
        Assert.Null(await RunQueue.EnqueueAsync(again, command, "{}", Cancel));
        var run = await again.Runs.SingleAsync(Cancel);
        Assert.Equal((RunStatuses.Queued, """{"steps":3}""", 42L), (run.Status, run.ConfigJson, run.Seed));
    }

    [Fact]
    public async Task Enqueue_UnknownKind_IsRefusedWithTheLegalOnes()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite", migrate: false);
        await using var db = database.CreateDbContext();
        var command = new StartRun { CommandId = Guid.CreateVersion7(), ProjectId = Guid.CreateVersion7(), Kind = "dance", Seed = 1 };

        var exception = await Assert.ThrowsAsync<ArgumentException>(() => RunQueue.EnqueueAsync(db, command, "{}", Cancel));

        Assert.Contains("Run kind 'dance' is unknown; legal values: pretrain, sft, reward-model, ppo, grpo, rloo, reinforce, raft, online-dpo, dpo, kto, orpo, simpo, sample, eval.", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Command_SetAside_BecomesAFailedRunThatCanBeResumed(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var project = await database.AddProjectAsync();
        var command = new SampleCompletions { CommandId = Guid.CreateVersion7(), ProjectId = project.Id, CheckpointId = Guid.CreateVersion7(), PromptCount = 1, CompletionsPerPrompt = 2, Seed = 3 };
        var failed = new FailedMessage { MessageId = Guid.CreateVersion7(), Endpoint = "sample-completions", Type = "t", Body = "{}", Error = "no such checkpoint\nat X", Attempts = 5 };
        var handler = new FailedCommandHandler(_time);

        for (var i = 0; i < 2; i++)
        {
            await using var db = database.CreateDbContext();
            await handler.HandleAsync(db, failed, command, Cancel);
            await handler.HandleAsync(db, failed, new PromptsImported { ProjectId = project.Id, Count = 1 }, Cancel);
            await db.SaveChangesAsync(Cancel);
        }

        await using var after = database.CreateDbContext();
        var run = await after.Runs.SingleAsync(Cancel);
        Assert.Equal((RunStatuses.Failed, RunKinds.Sample, command.CommandId, project.SamplingConfigJson), (run.Status, run.Kind, run.CommandId, run.ConfigJson));
        Assert.Equal("The command was set aside by 'sample-completions' after 5 deliveries: no such checkpoint", Assert.Single(await MessagesAsync<RunFailed>(database)).Error);
        Assert.True(await Queue(database).ResumeAsync(run.Id, Cancel));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task StartRun_SetAside_NamesWhatIsThereOfWhatItWasAskedFor(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var project = await database.AddProjectAsync();
        var policy = new Checkpoint { ProjectId = project.Id, Kind = CheckpointKinds.Policy, Path = "p", ContentHash = "0" };
        var command = new StartRun
        {
            CommandId = Guid.CreateVersion7(), ProjectId = project.Id, Kind = RunKinds.Eval, Seed = 3, PolicyCheckpointId = policy.Id, BaselineCheckpointId = Guid.CreateVersion7(),
        };
        await using var db = database.CreateDbContext();
        db.Checkpoints.Add(policy);
        await db.SaveChangesAsync(Cancel);

        await new FailedCommandHandler(_time).HandleAsync(
            db, new FailedMessage { MessageId = Guid.CreateVersion7(), Endpoint = "e", Type = "t", Body = "{}", Error = "e", Attempts = 1 }, command, Cancel);
        await db.SaveChangesAsync(Cancel);

        var run = await db.Runs.SingleAsync(Cancel);
        Assert.Equal((policy.Id, (Guid?)null, RunPriorities.Of(RunKinds.Eval)), (run.PolicyCheckpointId, run.BaselineCheckpointId, run.Priority));
    }

    [Fact]
    public void FirstLine_LongText_IsCut()
    {
        Assert.Equal("a", RunQueue.FirstLine("\n a\r\nb"));
        Assert.Equal(300, RunQueue.FirstLine(new string('x', 1000)).Length);
    }

    [Fact]
    public async Task RequeueExpired_OnAMachineWhoseClockIsHoursFast_TakesNobodyForDead()
    {
        await using var database = await TestDatabase.CreateAsync("postgres");
        var right = new RunQueue(database, Options.Create(s_options), new DatabaseClock(TimeProvider.System));
        var fast = new RunQueue(database, Options.Create(s_options), new DatabaseClock(new ShiftedTime(TimeSpan.FromHours(5))));
        await AddRunAsync(database, createdAt: DateTimeOffset.UtcNow);
        var lease = await ClaimAsync(right, "w");

        Assert.Equal(0, await fast.RequeueExpiredAsync(Cancel));
        Assert.Equal(LeaseState.Held, await right.HeartbeatAsync(lease, Cancel));

        // Its own leases are no longer than others' either.
        await AddRunAsync(database, createdAt: DateTimeOffset.UtcNow);
        await ClaimAsync(fast, "fast");
        await using var db = database.CreateDbContext();
        var expires = await db.Runs.Where(r => r.LeaseOwner == "fast").Select(r => r.LeaseExpiresAt).SingleAsync(Cancel);
        Assert.InRange(expires!.Value - DateTimeOffset.UtcNow, TimeSpan.Zero, s_options.LeaseDuration + TimeSpan.FromMinutes(1));
    }

    private RunQueue Queue(TestDatabase database) => new(database, Options.Create(s_options), new ManualClock(_time));

    private static async Task<RunLease> ClaimAsync(RunQueue queue, string owner)
    {
        var run = await queue.ClaimAsync([RunKinds.Ppo], owner, owner, Cancel);
        Assert.NotNull(run);
        return new RunLease(run.Id, owner, run.FencingToken);
    }

    private async Task<Run> AddRunAsync(TestDatabase database, string kind = RunKinds.Ppo, DateTimeOffset? createdAt = null)
    {
        var project = await database.AddProjectAsync();
        await using var db = database.CreateDbContext();
        var run = new Run { ProjectId = project.Id, Kind = kind, CommandId = Guid.CreateVersion7(), CreatedAt = createdAt ?? _time.GetUtcNow() };
        db.Runs.Add(run);
        await db.SaveChangesAsync(Cancel);
        return run;
    }

    private static Checkpoint Checkpoint(Run run) =>
        new() { ProjectId = run.ProjectId, Kind = CheckpointKinds.Policy, Version = 1, Path = "p", ContentHash = "h", RunId = run.Id };

    private static async Task<Run> ReadAsync(TestDatabase database, Guid id)
    {
        await using var db = database.CreateDbContext();
        return await db.Runs.SingleAsync(r => r.Id == id, Cancel);
    }

    private static async Task<int> MessageCountAsync(TestDatabase database)
    {
        await using var db = database.CreateDbContext();
        return await db.Outbox.CountAsync(Cancel);
    }

    private static async Task<List<T>> MessagesAsync<T>(TestDatabase database)
    {
        await using var db = database.CreateDbContext();
        var name = MessageTypes.NameOf(typeof(T));
        return [.. (await db.Outbox.Where(m => m.Type == name).OrderBy(m => m.Id).ToListAsync(Cancel)).Select(m => (T)MessageJson.Deserialize(m.Body, typeof(T)))];
    }

    private sealed class ShiftedTime(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UtcNow + by;
    }
}
