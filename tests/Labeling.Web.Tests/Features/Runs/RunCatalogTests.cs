using Labeling.Web.Features.Runs;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;

namespace Labeling.Web.Tests.Features.Runs;

public sealed class RunCatalogTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task List_Filtered_KeepsWhatMatches()
    {
        using var database = new LabelingDatabase();
        var ppo = AddRun(database, RunKinds.Ppo, RunStatuses.Failed);
        AddRun(database, RunKinds.Sft, RunStatuses.Failed);
        AddRun(database, RunKinds.Ppo, RunStatuses.Completed);
        var catalog = new RunCatalog(database, database.Time);

        var rows = await catalog.ListAsync(new RunFilter { Kind = RunKinds.Ppo, Status = RunStatuses.Failed, Project = "test" }, Stop);

        Assert.Equal(ppo, Assert.Single(rows).Run.Id);
        Assert.Empty(await catalog.ListAsync(new RunFilter { Project = "other" }, Stop));
    }

    [Fact]
    public async Task Points_AfterAStep_AreOnlyTheNewerOnes()
    {
        using var database = new LabelingDatabase();
        var run = AddRun(database, RunKinds.Ppo, RunStatuses.Running);
        database.Read(db =>
        {
            db.Metrics.AddRange(Enumerable.Range(1, 3).Select(step => new MetricPoint { RunId = run, Step = step, Name = "loss", Value = step }));
            return db.SaveChanges();
        });

        Assert.Equal([new CurvePoint(3, "loss", 3)], await new RunCatalog(database, database.Time).PointsAsync(run, afterStep: 2, Stop));
    }

    [Fact]
    public async Task Resume_FailedRunOfACycle_QueuesItAndReopensTheCycle()
    {
        using var database = new LabelingDatabase();
        var cycle = new Cycle { ProjectId = database.Project.Id, Number = 1, Status = CycleStatuses.Failed, Reason = "out of memory" };
        database.Read(db => db.Add(cycle).Context.SaveChanges());
        var run = AddRun(database, RunKinds.Ppo, RunStatuses.Failed, cycle.Id);

        Assert.True(await new RunCatalog(database, database.Time).ResumeAsync(run, Stop));

        var stored = database.Read(db => db.Runs.Single());
        Assert.Equal((RunStatuses.Queued, null, 17), (stored.Status, stored.Error, stored.Step));
        Assert.Equal((CycleStatuses.Ppo, null), database.Read(db => db.Cycles.Select(c => ValueTuple.Create(c.Status, c.Reason)).Single()));
        Assert.Equal("resumed", database.Read(db => db.CycleDecisions.Single().Decision));
    }

    [Theory]
    [InlineData(RunStatuses.Queued)]
    [InlineData(RunStatuses.Running)]
    [InlineData(RunStatuses.Completed)]
    public async Task Resume_RunThatHasNotFailed_ChangesNothing(string status)
    {
        using var database = new LabelingDatabase();
        var run = AddRun(database, RunKinds.Ppo, status);
        Assert.False(await new RunCatalog(database, database.Time).ResumeAsync(run, Stop));
        Assert.Equal(status, database.Read(db => db.Runs.Single().Status));
    }

    [Fact]
    public async Task RequestCancel_Running_SendsTheCommand()
    {
        using var database = new LabelingDatabase();
        var run = AddRun(database, RunKinds.Ppo, RunStatuses.Running);
        await new RunCatalog(database, database.Time).RequestCancelAsync(run, Stop);
        Assert.Contains(run.ToString(), database.Read(db => db.Outbox.Single().Body), StringComparison.Ordinal);
    }

    [Fact]
    public void Curves_Points_AreGroupedByPrefix()
    {
        var curves = new Curves();
        curves.Append([new CurvePoint(1, "objective/kl", 1), new CurvePoint(1, "loss", 2), new CurvePoint(2, "objective/kl", 3), new CurvePoint(2, "ppo/policy/clipfrac", 4)]);

        Assert.Equal(["", "objective", "ppo/policy"], curves.Groups.Select(g => g.Key));
        Assert.Equal([1.0, 3.0], curves.Groups.Single(g => g.Key == "objective").Single().Value.Select(p => p.Value));
        Assert.Equal(2, curves.LastStep);
    }

    private static Guid AddRun(LabelingDatabase database, string kind, string status, Guid? cycleId = null) => database.Read(db =>
    {
        var run = new Run
        {
            ProjectId = database.Project.Id, CycleId = cycleId, Kind = kind, Status = status, CommandId = Guid.NewGuid(), Step = 17,
            Error = status == RunStatuses.Failed ? "out of memory" : null,
        };
        db.Runs.Add(run);
        db.SaveChanges();
        return run.Id;
    });
}
