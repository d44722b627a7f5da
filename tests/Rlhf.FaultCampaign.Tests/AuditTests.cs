using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Data.Postgres;
using Rlhf.TestServers;

namespace Rlhf.FaultCampaign.Tests;

/// <summary>The database's own record of claims finds what a worker wrote that it must not have.</summary>
public sealed class AuditTests : IAsyncLifetime
{
    private TestDatabase _database = null!;
    private Run _run = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _database = await TestDatabase.CreateAsync("postgres");
        await using var db = _database.CreateDbContext();
        await Audit.InstallAsync(db);
        _run = new Run { ProjectId = (await _database.AddProjectAsync()).Id, Kind = RunKinds.Ppo, CommandId = Guid.NewGuid() };
        db.Runs.Add(_run);
        await db.SaveChangesAsync(Stop);
        await ClaimAsync("first");
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    [Fact]
    public async Task OneWorkerOrOneAfterTheOther_NothingIsWrong()
    {
        await StepAsync("first", 1);
        await ClaimAsync("second");
        await StepAsync("second", 2);
        await CompleteAsync("second");
        Assert.Empty(await FindAsync());
    }

    [Fact]
    public async Task StepAndMetricOfAWorkerWhoseClaimHasPassedOn_AreFound()
    {
        await ClaimAsync("second");
        await StepAsync("first", 1);
        var found = await FindAsync();
        Assert.Equal(2, found.Count);
        Assert.All(found, f => Assert.Contains("first wrote", f, StringComparison.Ordinal));
    }

    [Fact]
    public async Task EndWrittenByAStaleWorker_IsFound()
    {
        await ClaimAsync("second");
        await CompleteAsync("first");
        Assert.Contains("first wrote running → completed", Assert.Single(await FindAsync()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task TokenThatJumpsOrIsGivenOutTwice_IsFound()
    {
        await UpdateAsync("second", run => run.SetProperty(r => r.FencingToken, r => r.FencingToken + 2));
        await UpdateAsync("second", run => run.SetProperty(r => r.FencingToken, 0));
        await ClaimAsync("third");
        var found = await FindAsync();
        Assert.Contains(found, f => f.Contains("went from 1 to 3", StringComparison.Ordinal));
        Assert.Contains(found, f => f.Contains("token 1 was given out 2 times", StringComparison.Ordinal));
    }

    [Fact]
    public async Task CompletedTwice_IsFound()
    {
        await CompleteAsync("first");
        await ClaimAsync("second");
        await CompleteAsync("second");
        Assert.Contains("completed 2 times", Assert.Single(await FindAsync()), StringComparison.Ordinal);
    }

    private Task ClaimAsync(string writer) => UpdateAsync(
        writer, run => run.SetProperty(r => r.FencingToken, r => r.FencingToken + 1).SetProperty(r => r.Status, RunStatuses.Running));

    private Task CompleteAsync(string writer) => UpdateAsync(writer, run => run.SetProperty(r => r.Status, RunStatuses.Completed));

    private async Task StepAsync(string writer, int step)
    {
        await UpdateAsync(writer, run => run.SetProperty(r => r.Step, step));
        await using var db = Session(writer);
        db.Metrics.Add(new MetricPoint { RunId = _run.Id, Step = step, Name = "objective/kl", Value = 1 });
        await db.SaveChangesAsync(Stop);
    }

    private async Task UpdateAsync(string writer, Action<Microsoft.EntityFrameworkCore.Query.UpdateSettersBuilder<Run>> change)
    {
        await using var db = Session(writer);
        await db.Runs.Where(r => r.Id == _run.Id).ExecuteUpdateAsync(change, Stop);
    }

    private async Task<IReadOnlyList<string>> FindAsync()
    {
        await using var db = _database.CreateDbContext();
        return await Audit.FindAsync(db);
    }

    private AppDbContext Session(string writer)
    {
        var builder = new DbContextOptionsBuilder<AppDbContext>();
        builder.UseRlhfPostgres($"{_database.ConnectionString};Application Name={writer};Pooling=false").UseIdentityModel();
        return new AppDbContext(builder.Options);
    }
}
