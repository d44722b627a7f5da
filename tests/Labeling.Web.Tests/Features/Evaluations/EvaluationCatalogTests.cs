using Labeling.Web.Features.Checkpoints;
using Labeling.Web.Features.Evaluations;
using Labeling.Web.Features.Labeling;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Labeling.Web.Tests.Features.Evaluations;

public sealed class EvaluationCatalogTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task List_LatestOfEachNumber_WithVersions()
    {
        using var database = new LabelingDatabase();
        var (first, second) = database.AddPolicies();
        database.AddEvaluation(second, first, 0.5, hour: 0);
        database.AddEvaluation(second, first, 0.75, hour: 1);
        var catalog = new EvaluationCatalog(database);

        var rows = await catalog.ListAsync(database.Project.Id, cancellationToken: Stop);
        Assert.Equal([0.75, 0.5], rows.Select(r => r.Result.Value));
        var latest = Assert.Single(EvaluationCatalog.Latest(rows));
        Assert.Equal((1, (int?)0, 0.75), (latest.CheckpointVersion, latest.BaselineVersion, latest.Result.Value));
        Assert.Empty(await catalog.ListAsync(database.Project.Id, first, Stop));
        Assert.Empty(await catalog.ListAsync(Guid.NewGuid(), cancellationToken: Stop));
    }

    [Fact]
    public async Task Leaderboard_ByTheChecker_TheLastEvaluationOfAPairCounts()
    {
        using var database = new LabelingDatabase();
        var (first, second) = database.AddPolicies();
        database.AddEvaluation(second, first, 0.1, hour: 0);
        database.AddEvaluation(second, first, 0.75, hour: 1);
        var catalog = new EvaluationCatalog(database);

        var rows = await catalog.LeaderboardAsync(database.Project.Id, WinRateNames.Checker, Stop);
        Assert.Equal([second, first], rows.Select(r => r.Checkpoint.Id));
        Assert.All(rows, r => Assert.Equal(20, r.Games));

        // 15 of 20, a tie each against an opponent of 1000: symmetric around it.
        Assert.Equal(2000, rows.Sum(r => r.Rating), 6);
        Assert.True(rows[0].Rating > 1050 && rows[0].Low > rows[1].Rating && rows[0].Elo > rows[1].Elo);
        Assert.Equal(rows.Select(r => r.Low), (await catalog.LeaderboardAsync(database.Project.Id, WinRateNames.Checker, Stop)).Select(r => r.Low));
        Assert.Empty(await catalog.LeaderboardAsync(database.Project.Id, JudgmentSources.Human, Stop));
    }

    [Fact]
    public async Task Human_BlindJudgments_CountForWhoeverWroteTheAnswer()
    {
        using var database = new LabelingDatabase();
        var (first, second) = database.AddPolicies();
        var run = AddBlindComparison(database, second, first, prompts: 4);
        await using (var db = database.CreateDbContext())
        {
            Assert.Equal(4, await ComparisonTaskFactory.AddFromRunAsync(db, database.Project.Id, run, 0, database.Time.GetUtcNow(), Stop));
            await db.SaveChangesAsync(Stop);
        }

        var catalog = new EvaluationCatalog(database);
        Assert.Equal((0, 4), (await catalog.HumanComparisonsAsync(database.Project.Id, Stop)).Select(c => (c.Judgments, c.Open)).Single());

        // The newer policy is answer A of every other task. It wins three, the last is open.
        var annotator = database.AddAnnotator();
        for (var i = 0; i < 3; i++)
        {
            var task = (await database.Service.ClaimNextAsync(database.Project.Id, annotator, cancellationToken: Stop))!;
            Assert.Contains("old", task.First + task.Second, StringComparison.Ordinal);
            var choice = task.First.StartsWith("new", StringComparison.Ordinal) ? task.FirstChoice : task.SecondChoice;
            Assert.Equal(SubmitOutcome.Recorded, (await database.Service.SubmitAsync(annotator, task.LeaseToken, choice, 1, cancellationToken: Stop)).Outcome);
        }

        var row = Assert.Single(await catalog.HumanComparisonsAsync(database.Project.Id, Stop));
        Assert.Equal((1, 0, JudgmentSources.Human, 1.0, 3, 1), (row.Version, row.BaselineVersion, row.Judge, row.WinRate, row.Judgments, row.Open));
        Assert.Null(row.LengthControlled);
        Assert.Equal([second, first], (await catalog.LeaderboardAsync(database.Project.Id, JudgmentSources.Human, Stop)).Select(r => r.Checkpoint.Id));

        // They measure: no cycle waits for them.
        var progress = await new ProgressQuery(database, database.Time).GetAsync(database.Project.Id, annotator, Stop);
        Assert.Equal((3, 0), (progress.OwnJudgments, progress.Collected));
    }

    [Fact]
    public async Task Start_OneCommand_OrEveryFault()
    {
        using var database = new LabelingDatabase();
        var (first, second) = database.AddPolicies();
        var catalog = new EvaluationCatalog(database);
        var project = database.Project.Id;

        var (run, faults) = await catalog.StartAsync(project, second, first, null, Stop);
        Assert.Empty(faults);
        var command = database.Read(db => db.Outbox.Single(m => m.Type == "training.start-run").Body);
        Assert.Contains($"\"commandId\":\"{run}\"", command, StringComparison.Ordinal);
        Assert.Contains($"\"baselineCheckpointId\":\"{first}\"", command, StringComparison.Ordinal);
        Assert.Contains("\"kind\":\"eval\"", command, StringComparison.Ordinal);

        Assert.Contains("compared with itself", Assert.Single((await catalog.StartAsync(project, second, second, null, Stop)).Faults), StringComparison.Ordinal);
        Assert.Contains("need a policy to compare with", (await catalog.StartAsync(project, second, null, 5, Stop)).Faults[0], StringComparison.Ordinal);
        Assert.Contains("project has none", Assert.Single((await catalog.StartAsync(project, second, first, 5, Stop)).Faults), StringComparison.Ordinal);
        Assert.Equal(3, (await catalog.StartAsync(project, Guid.NewGuid(), Guid.NewGuid(), -1, Stop)).Faults.Count);
        Assert.Equal(1, database.Read(db => db.Outbox.Count()));
    }

    [Fact]
    public async Task Start_RetiredOrGone_IsRefused_AndItsResultsStay()
    {
        using var database = new LabelingDatabase();
        var (first, second) = database.AddPolicies();
        database.AddEvaluation(second, first, 0.5, hour: 0);
        var checkpoints = new CheckpointCatalog(database, database.Projects, database.Time);

        // An evaluation that waits needs its baseline.
        var run = database.AddEvalRun(second, first, RunStatuses.Queued);
        Assert.Contains("needs it", await checkpoints.RetireAsync(database.Project.Id, first, Stop), StringComparison.Ordinal);
        await using (var db = database.CreateDbContext())
        {
            await db.Runs.Where(r => r.Id == run).ExecuteUpdateAsync(set => set.SetProperty(r => r.Status, RunStatuses.Completed), Stop);
        }

        Assert.Null(await checkpoints.RetireAsync(database.Project.Id, first, Stop));
        var catalog = new EvaluationCatalog(database);
        Assert.Equal([second], (await catalog.CandidatesAsync(database.Project.Id, Stop)).Select(c => c.Id));
        Assert.Contains("retired", Assert.Single((await catalog.StartAsync(database.Project.Id, first, null, null, Stop)).Faults), StringComparison.Ordinal);
        Assert.Single(await catalog.ListAsync(database.Project.Id, second, Stop));
        Assert.Contains((await catalog.LeaderboardAsync(database.Project.Id, WinRateNames.Checker, Stop)).Select(r => r.Checkpoint), c => c.RetiredAt is not null);
    }

    [Fact]
    public async Task Sweep_EvaluationWhoseMessageWasLost_MakesItsComparisons()
    {
        using var database = new LabelingDatabase();
        var (first, second) = database.AddPolicies();
        var run = AddBlindComparison(database, second, first, prompts: 2);
        var other = database.AddEvalRun(second, first, RunStatuses.Completed);
        await using (var db = database.CreateDbContext())
        {
            await db.Runs.Where(r => r.Id == run || r.Id == other).ExecuteUpdateAsync(set => set.SetProperty(r => r.FinishedAt, database.Time.GetUtcNow()), Stop);
        }

        database.Time.Advance(TimeSpan.FromHours(1));
        using var sweep = new ComparisonSweep(
            database, Microsoft.Extensions.Options.Options.Create(new ComparisonSweepOptions()), database.Projects, database.Time,
            Microsoft.Extensions.Logging.Abstractions.NullLogger<ComparisonSweep>.Instance);
        Assert.Equal(2, await sweep.SweepAsync(Stop));
        Assert.Equal(0, await sweep.SweepAsync(Stop));
        Assert.All(database.Read(db => db.ComparisonTasks.ToList()), t => Assert.Equal(run, t.EvaluationRunId));
    }

    private static Guid AddBlindComparison(LabelingDatabase database, Guid policy, Guid baseline, int prompts)
    {
        var run = database.AddEvalRun(policy, baseline, RunStatuses.Completed);
        using var db = database.CreateDbContext();
        for (var i = 0; i < prompts; i++)
        {
            var prompt = new Prompt { ProjectId = database.Project.Id, Text = $"question {i}", Split = Splits.HeldOut, ContentHash = $"{i}", Sequence = i };
            db.Prompts.Add(prompt);
            db.Completions.Add(new Completion { PromptId = prompt.Id, CheckpointId = policy, Text = $"new {i}", RunId = run, Index = i % 2 });
            db.Completions.Add(new Completion { PromptId = prompt.Id, CheckpointId = baseline, Text = $"old {i}", RunId = run, Index = 1 - (i % 2) });
        }

        db.SaveChanges();
        return run;
    }
}
