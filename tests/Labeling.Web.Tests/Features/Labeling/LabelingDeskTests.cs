using Labeling.Web.Features.Labeling;
using Rlhf.Contracts.Labeling;

namespace Labeling.Web.Tests.Features.Labeling;

public sealed class LabelingDeskTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Side.First)]
    [InlineData(Side.Second)]
    [InlineData(Side.Tie)]
    public async Task Submit_Side_IsStoredAsTheAnswerThatStoodThere(Side side)
    {
        using var database = new LabelingDatabase();
        database.AddTasks(1);
        var desk = new LabelingDesk(database.Service, database.Time, database.Project.Id, database.AddAnnotator());
        await desk.NextAsync(Stop);
        var expected = side switch
        {
            Side.Tie => Choices.Tie,
            Side.First => desk.Current!.First == "A0" ? Choices.A : Choices.B,
            _ => desk.Current!.Second == "A0" ? Choices.A : Choices.B,
        };

        Assert.Equal(SubmitOutcome.Recorded, await desk.SubmitAsync(side, Stop));

        Assert.Equal(expected, database.Read(db => db.Judgments.Single().Choice));
        Assert.Null(desk.Current);
    }

    [Fact]
    public async Task Submit_Prefetched_ShowsTheNextTask()
    {
        using var database = new LabelingDatabase();
        var tasks = database.AddTasks(3);
        var desk = new LabelingDesk(database.Service, database.Time, database.Project.Id, database.AddAnnotator());
        await desk.NextAsync(Stop);
        await desk.PrefetchAsync(Stop);
        Assert.Equal(2, database.Read(db => db.TaskLeases.Count()));

        await desk.SubmitAsync(Side.First, Stop);

        Assert.Equal(tasks[1], desk.Current!.TaskId);
    }

    [Fact]
    public async Task Undo_CurrentComparison_ComesAfterTheUndoneOne()
    {
        using var database = new LabelingDatabase();
        var tasks = database.AddTasks(3);
        var desk = new LabelingDesk(database.Service, database.Time, database.Project.Id, database.AddAnnotator());
        await desk.NextAsync(Stop);
        await desk.PrefetchAsync(Stop);
        await desk.SubmitAsync(Side.First, Stop);
        await desk.PrefetchAsync(Stop);

        Assert.True(await desk.UndoAsync(Stop));

        var shown = new List<Guid>();
        while (desk.Current is { } current)
        {
            shown.Add(current.TaskId);
            await desk.SubmitAsync(Side.Tie, Stop);
        }

        Assert.Equal(tasks, shown);
        Assert.False(await new LabelingDesk(database.Service, database.Time, database.Project.Id, database.AddAnnotator()).UndoAsync(Stop));
    }

    [Fact]
    public async Task Submit_LeaseRanOut_MovesOnAndStoresNothing()
    {
        using var database = new LabelingDatabase();
        database.AddTasks(2);
        var desk = new LabelingDesk(database.Service, database.Time, database.Project.Id, database.AddAnnotator());
        await desk.NextAsync(Stop);
        database.Time.Advance(LabelingService.LeaseDuration);

        Assert.Equal(SubmitOutcome.LeaseExpired, await desk.SubmitAsync(Side.First, Stop));

        Assert.NotNull(desk.Current);
        Assert.Empty(database.Read(db => db.Judgments.ToList()));
    }

    [Fact]
    public async Task Renew_Present_KeepsTheLeaseUntilTheIdleLimit()
    {
        using var database = new LabelingDatabase();
        database.AddTasks(1);
        var desk = new LabelingDesk(database.Service, database.Time, database.Project.Id, database.AddAnnotator());
        await desk.NextAsync(Stop);
        var every = TimeSpan.FromMinutes(9);
        for (var passed = every; passed <= LabelingDesk.IdleLimit; passed += every)
        {
            database.Time.Advance(every);
            Assert.False(await desk.RenewAsync(Stop));
        }

        Assert.Equal(SubmitOutcome.Recorded, await desk.SubmitAsync(Side.First, Stop));
    }

    [Fact]
    public async Task Renew_Idle_LetsTheLeaseRunOut()
    {
        using var database = new LabelingDatabase();
        database.AddTasks(1);
        var desk = new LabelingDesk(database.Service, database.Time, database.Project.Id, database.AddAnnotator());
        await desk.NextAsync(Stop);
        database.Time.Advance(LabelingDesk.IdleLimit + TimeSpan.FromSeconds(1));

        await desk.RenewAsync(Stop);

        Assert.NotNull(await database.Service.ClaimNextAsync(database.Project.Id, database.AddAnnotator(), cancellationToken: Stop));
    }

    [Fact]
    public async Task Skip_Current_MovesOn()
    {
        using var database = new LabelingDatabase();
        var tasks = database.AddTasks(2);
        var desk = new LabelingDesk(database.Service, database.Time, database.Project.Id, database.AddAnnotator());
        await desk.NextAsync(Stop);

        await desk.SkipAsync(Stop);

        Assert.Equal(tasks[1], desk.Current!.TaskId);
    }
}
