using Labeling.Web.Features.Labeling;
using Rlhf.Contracts.Labeling;
using Rlhf.TestServers;

namespace Labeling.Web.Tests.Features.Labeling;

/// <summary>What only a database with many writers shows: annotators who claim and submit in the same instant.</summary>
public sealed class LabelingOnPostgresTests : IAsyncLifetime
{
    private TestDatabase _server = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await TestDatabase.CreateAsync("postgres");

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Claim_ManyAtOnce_EverybodyGetsATaskOfTheirOwn()
    {
        using var database = new LabelingDatabase(postgres: _server.ConnectionString);
        var tasks = database.AddTasks(20);
        var annotators = Enumerable.Range(0, 20).Select(_ => database.AddAnnotator()).ToList();
        var claimed = await Task.WhenAll(annotators.Select(a => Task.Run(() => database.Service.ClaimNextAsync(database.Project.Id, a, cancellationToken: Stop))));
        Assert.Equal(tasks.Order(), claimed.Select(c => c!.TaskId).Order());
    }

    [Fact]
    public async Task Claim_ManyAtOnceOneTask_AsManyGetItAsMayJudgeIt()
    {
        using var database = new LabelingDatabase(judgmentsPerTask: 3, postgres: _server.ConnectionString);
        database.AddTasks(1);
        var annotators = Enumerable.Range(0, 10).Select(_ => database.AddAnnotator()).ToList();
        var claimed = await Task.WhenAll(annotators.Select(a => Task.Run(() => database.Service.ClaimNextAsync(database.Project.Id, a, cancellationToken: Stop))));
        Assert.Equal(3, claimed.Count(c => c is not null));
        Assert.Equal(3, database.Read(db => db.TaskLeases.Count()));
    }

    [Fact]
    public async Task Claim_NewestRoundFirst_ThenWhatLacksLeast_ThenInOrder_WithoutWhatIsHeldSkippedOrJudged()
    {
        using var database = new LabelingDatabase(judgmentsPerTask: 2, postgres: _server.ConnectionString);
        var old = database.AddTasks(1, round: 1);
        var tasks = database.AddTasks(4, round: 2);
        var (first, second) = (database.AddAnnotator(), database.AddAnnotator());
        await SubmitAsync(database, first, tasks[0]);
        await SubmitAsync(database, first, tasks[1]);

        // The first annotator has judged two tasks, which makes them the next ones of the second.
        var held = (await database.Service.ClaimNextAsync(database.Project.Id, second, cancellationToken: Stop))!;
        var ahead = (await database.Service.ClaimNextAsync(database.Project.Id, second, [held.TaskId], Stop))!;
        Assert.Equal((tasks[0], tasks[1]), (held.TaskId, ahead.TaskId));

        var own = (await database.Service.ClaimNextAsync(database.Project.Id, first, cancellationToken: Stop))!;
        Assert.Equal(tasks[2], own.TaskId);
        await database.Service.SkipAsync(first, own.LeaseToken, Stop);
        await SubmitAsync(database, first, tasks[3]);
        Assert.Equal(old[0], (await database.Service.ClaimNextAsync(database.Project.Id, first, cancellationToken: Stop))!.TaskId);
    }

    [Fact]
    public async Task Claim_LeaseHasRunOut_TaskIsLentAgain()
    {
        using var database = new LabelingDatabase(postgres: _server.ConnectionString);
        var task = database.AddTasks(1)[0];
        var (first, second) = (database.AddAnnotator(), database.AddAnnotator());
        Assert.NotNull(await database.Service.ClaimNextAsync(database.Project.Id, first, cancellationToken: Stop));
        Assert.Null(await database.Service.ClaimNextAsync(database.Project.Id, second, cancellationToken: Stop));
        database.Time.Advance(LabelingService.LeaseDuration);
        Assert.Equal(task, (await database.Service.ClaimNextAsync(database.Project.Id, second, cancellationToken: Stop))!.TaskId);
    }

    [Fact]
    public async Task Submit_SameLeaseManyTimesAtOnce_OneIsStoredAndTheOthersLearnOfIt()
    {
        using var database = new LabelingDatabase(postgres: _server.ConnectionString);
        database.AddTasks(1);
        var annotator = database.AddAnnotator();
        var comparison = (await database.Service.ClaimNextAsync(database.Project.Id, annotator, cancellationToken: Stop))!;
        var results = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => Task.Run(
            () => database.Service.SubmitAsync(annotator, comparison.LeaseToken, Choices.A, 0, cancellationToken: Stop))));

        Assert.Single(results, r => r.Outcome == SubmitOutcome.Recorded);
        Assert.All(results, r => Assert.True(r.IsStored));
        Assert.Single(results.Select(r => r.JudgmentId).Distinct());
        Assert.Equal((1, 1), database.Read(db => (db.Judgments.Count(), db.ComparisonTasks.Single().JudgmentCount)));
    }

    private static async Task SubmitAsync(LabelingDatabase database, Guid annotator, Guid task)
    {
        var comparison = (await database.Service.ClaimNextAsync(database.Project.Id, annotator, cancellationToken: Stop))!;
        Assert.Equal(task, comparison.TaskId);
        Assert.True((await database.Service.SubmitAsync(annotator, comparison.LeaseToken, Choices.A, 0, cancellationToken: Stop)).IsStored);
    }
}
