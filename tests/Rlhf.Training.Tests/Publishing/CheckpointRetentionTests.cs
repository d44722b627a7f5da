using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;
using Rlhf.Data.Lineage;
using Rlhf.Hosting;
using Rlhf.TestServers;
using Rlhf.Training.Publishing;

namespace Rlhf.Training.Tests.Publishing;

public sealed class CheckpointRetentionTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("rlhf-retention-").FullName;

    public static TheoryData<string> Providers => TestDatabase.Providers;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Apply_ProjectWithEveryReasonToKeep_RemovesTheRestAndKeepsItsRows(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var project = (await database.AddProjectAsync()).Id;
        var names = new[] { "served", "idle", "failed run", "old failed run", "queued run", "completed run", "baseline", "old baseline", "cycle", "pinned", "idle too", "newest" };
        var ids = new Dictionary<string, Guid>();
        foreach (var name in names)
        {
            ids[name] = await AddCheckpointAsync(database, project, version: ids.Count, content: name, daysAgo: 100);
        }

        await using (var db = database.CreateDbContext())
        {
            await db.Projects.ExecuteUpdateAsync(set => set.SetProperty(p => p.PolicyCheckpointId, ids["served"]), Cancel);
            await db.Checkpoints.Where(c => c.Id == ids["pinned"]).ExecuteUpdateAsync(set => set.SetProperty(c => c.PinnedAt, DateTimeOffset.UtcNow), Cancel);
            db.Runs.Add(Run(project, RunStatuses.Failed, ids["failed run"], endedDaysAgo: 29));
            db.Runs.Add(Run(project, RunStatuses.Cancelled, ids["old failed run"], endedDaysAgo: 31));
            db.Runs.Add(Run(project, RunStatuses.Queued, ids["queued run"]));
            db.Runs.Add(Run(project, RunStatuses.Completed, ids["completed run"]));

            // The evaluation that runs needs what it compares with; the one that is done has its numbers.
            foreach (var (status, baseline) in ((string, string)[])[(RunStatuses.Running, "baseline"), (RunStatuses.Completed, "old baseline")])
            {
                var evaluation = Run(project, status, ids["newest"]);
                (evaluation.Kind, evaluation.BaselineCheckpointId) = (RunKinds.Eval, ids[baseline]);
                db.Runs.Add(evaluation);
            }

            db.Cycles.Add(new Cycle { ProjectId = project, Number = 1, PolicyCheckpointId = ids["cycle"] });
            await db.SaveChangesAsync(Cancel);
        }

        var retention = Retention(database);
        string[] going = ["completed run", "idle", "idle too", "old baseline", "old failed run"];
        var plan = await retention.PlanAsync(Cancel);
        Assert.Equal(going.Select(n => ids[n]).Order(), plan.Where(d => d.Removes).Select(d => d.Checkpoint.Id).Order());
        Assert.Equal(names.Length, Files().Length);

        Assert.Equal(going.Length, await retention.ApplyAsync(Cancel));

        Assert.Equal(names.Length - going.Length, Files().Length);
        await using var after = database.CreateDbContext();
        var rows = await after.Checkpoints.ToListAsync(Cancel);
        Assert.Equal(going.Select(n => ids[n]).Order(), rows.Where(c => c.FilesDeletedAt is not null).Select(c => c.Id).Order());
        Assert.All(rows, c => Assert.Equal(c.FilesDeletedAt is null, Directory.Exists(Path.Combine(_root, "checkpoints", c.Path))));
        Assert.Equal(0, await retention.ApplyAsync(Cancel));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Apply_ByManyAtOnceAfterOneThatDied_CompletesItOnce(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var project = (await database.AddProjectAsync()).Id;
        for (var version = 0; version < 6; version++)
        {
            await AddCheckpointAsync(database, project, version, $"v{version}", daysAgo: 100);
        }

        await using (var db = database.CreateDbContext())
        {
            // A pass that died when it had marked a row and not removed its files.
            await db.Checkpoints.Where(c => c.Version == 0).ExecuteUpdateAsync(set => set.SetProperty(c => c.FilesDeletedAt, DateTimeOffset.UtcNow), Cancel);
        }

        var marked = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(() => Retention(database).ApplyAsync(Cancel))));

        Assert.Equal(4, marked.Sum());
        Assert.Single(Files());
    }

    [Fact]
    public async Task Apply_FilesAnotherRowShares_StayUntilBothMayGo()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var project = (await database.AddProjectAsync()).Id;
        await AddCheckpointAsync(database, project, 0, "same", daysAgo: 100);
        var pinned = await AddCheckpointAsync(database, project, 1, "same", daysAgo: 90, pinned: true);
        await AddCheckpointAsync(database, project, 2, "newest", daysAgo: 80);

        Assert.Equal(0, await Retention(database).ApplyAsync(Cancel));
        await using var db = database.CreateDbContext();
        await db.Checkpoints.Where(c => c.Id == pinned).ExecuteUpdateAsync(set => set.SetProperty(c => c.PinnedAt, (DateTimeOffset?)null), Cancel);

        Assert.Equal(2, await Retention(database).ApplyAsync(Cancel));
        Assert.Single(Files());
    }

    [Fact]
    public async Task Apply_StatesOfCompletedRuns_GoAfterADay()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var project = (await database.AddProjectAsync()).Id;
        var runs = new[] { Run(project, RunStatuses.Completed, null), Run(project, RunStatuses.Failed, null, endedDaysAgo: 29), Run(project, RunStatuses.Failed, null, endedDaysAgo: 31), Run(project, RunStatuses.Completed, null) };
        await using (var db = database.CreateDbContext())
        {
            db.Runs.AddRange(runs);
            await db.SaveChangesAsync(Cancel);
        }

        foreach (var run in runs)
        {
            Directory.CreateDirectory(Path.Combine(_root, "runs", run.Id.ToString()));
        }

        foreach (var old in runs[..2])
        {
            Directory.SetLastWriteTimeUtc(Path.Combine(_root, "runs", old.Id.ToString()), DateTime.UtcNow.AddDays(-2));
        }

        await Retention(database).ApplyAsync(Cancel);

        Assert.Equal(
            runs[1..].Select(r => r.Id.ToString()).Order(StringComparer.Ordinal),
            Directory.GetDirectories(Path.Combine(_root, "runs")).Select(p => Path.GetFileName(p)).Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Add_Checkpoint_HasItsSizeTheNextVersionAndTheTaintOfItsOrigin(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var project = (await database.AddProjectAsync()).Id;
        var origin = await AddCheckpointAsync(database, project, 7, "origin", daysAgo: 1);
        var run = Run(project, RunStatuses.Running, origin);
        await using var db = database.CreateDbContext();
        db.Runs.Add(run);
        await db.SaveChangesAsync(Cancel);
        await using var transaction = await db.Database.BeginTransactionAsync(Cancel);
        var published = new PublishedDirectory("path", "hash", 123);

        CheckpointPublishing.Add(db, Guid.CreateVersion7(), run, CheckpointKinds.Policy, published, DateTimeOffset.UtcNow);
        await db.SaveChangesAsync(Cancel);
        await db.Checkpoints.Where(c => c.Id == origin).ExecuteUpdateAsync(
            set => set.SetProperty(c => c.TaintedAt, DateTimeOffset.UtcNow).SetProperty(c => c.TaintReason, "why"), Cancel);
        CheckpointPublishing.Add(db, Guid.CreateVersion7(), run, CheckpointKinds.Policy, published, DateTimeOffset.UtcNow);
        await db.SaveChangesAsync(Cancel);
        await transaction.CommitAsync(Cancel);

        var rows = await db.Checkpoints.AsNoTracking().Where(c => c.RunId == run.Id).OrderBy(c => c.Version).ToListAsync(Cancel);
        Assert.Equal([(8, 123L, null), (9, 123L, "why")], rows.Select(c => (c.Version, c.SizeBytes, c.TaintReason)));
        Assert.Equal([false, true], rows.Select(c => c.TaintedAt is not null));
        Assert.Equal([origin, rows[0].Id, rows[1].Id], (await CheckpointGraph.LoadAsync(db, Cancel)).Descendants([origin]).OrderBy(id => id == origin ? 0 : id == rows[0].Id ? 1 : 2));
    }

    private CheckpointRetention Retention(TestDatabase database) => new(
        database,
        CheckpointStoreTests.Store(_root),
        Options.Create(new CheckpointOptions { KeepLast = 1, KeepDays = 30 }),
        Options.Create(new StorageOptions { DataDirectory = _root }),
        TimeProvider.System,
        NullLogger<CheckpointRetention>.Instance);

    private async Task<Guid> AddCheckpointAsync(TestDatabase database, Guid project, int version, string content, int daysAgo, bool pinned = false)
    {
        var published = CheckpointStoreTests.Store(_root).Publish(directory => CheckpointStoreTests.Write(directory, content));
        Directory.SetLastWriteTimeUtc(Path.Combine(_root, "checkpoints", published.Path), DateTime.UtcNow.AddDays(-daysAgo));
        await using var db = database.CreateDbContext();
        var checkpoint = new Checkpoint
        {
            ProjectId = project,
            Kind = CheckpointKinds.Policy,
            Version = version,
            Path = published.Path,
            ContentHash = published.ContentHash,
            CreatedAt = DateTimeOffset.UtcNow.AddDays(-daysAgo),
            PinnedAt = pinned ? DateTimeOffset.UtcNow : null,
        };
        db.Checkpoints.Add(checkpoint);
        await db.SaveChangesAsync(Cancel);
        return checkpoint.Id;
    }

    private static Run Run(Guid project, string status, Guid? policy, int endedDaysAgo = 0) => new()
    {
        ProjectId = project,
        Kind = RunKinds.Ppo,
        CommandId = Guid.CreateVersion7(),
        Status = status,
        PolicyCheckpointId = policy,
        CreatedAt = DateTimeOffset.UtcNow,
        FinishedAt = status is RunStatuses.Queued or RunStatuses.Running ? null : DateTimeOffset.UtcNow.AddDays(-endedDaysAgo),
    };

    private string[] Files() => [.. Directory.GetDirectories(Path.Combine(_root, "checkpoints"))];
}
