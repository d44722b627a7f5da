using Labeling.Web.Features.Labeling;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;

namespace Labeling.Web.Tests.Features.Labeling;

public sealed class ComparisonSweepTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Sweep_AnswersWithoutComparisons_MakesThemOnceAndOnlyAfterAWhile()
    {
        using var database = new LabelingDatabase();
        var run = AddSampleRun(database);
        var sweep = Sweep(database);
        Assert.Equal(0, await sweep.SweepAsync(Stop));
        database.Time.Advance(TimeSpan.FromMinutes(6));
        Assert.Equal(1, await sweep.SweepAsync(Stop));
        Assert.Equal(0, await sweep.SweepAsync(Stop));

        // The message comes after all.
        await using var db = database.CreateDbContext();
        Assert.Equal(0, await ComparisonTaskFactory.AddFromRunAsync(db, database.Project.Id, run, 0, database.Time.GetUtcNow(), Stop));
        Assert.Equal(1, database.Read(d => d.ComparisonTasks.Count()));
    }

    [Fact]
    public async Task Sweep_RunThatHasNotCompleted_IsLeftAlone()
    {
        using var database = new LabelingDatabase();
        AddSampleRun(database, RunStatuses.Running);
        database.Time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(0, await Sweep(database).SweepAsync(Stop));
    }

    private static ComparisonSweep Sweep(LabelingDatabase database) =>
        new(database, Options.Create(new ComparisonSweepOptions()), database.Projects, database.Time, NullLogger<ComparisonSweep>.Instance);

    private static Guid AddSampleRun(LabelingDatabase database, string status = RunStatuses.Completed)
    {
        using var db = database.CreateDbContext();
        var run = new Run { ProjectId = database.Project.Id, Kind = RunKinds.Sample, CommandId = Guid.CreateVersion7(), Status = status, FinishedAt = database.Time.GetUtcNow() };
        var prompt = new Prompt { ProjectId = database.Project.Id, Text = "p", ContentHash = "p" };
        db.AddRange(run, prompt, new Completion { PromptId = prompt.Id, Text = "a", RunId = run.Id }, new Completion { PromptId = prompt.Id, Text = "b", RunId = run.Id, Index = 1 });
        db.SaveChanges();
        return run.Id;
    }
}
