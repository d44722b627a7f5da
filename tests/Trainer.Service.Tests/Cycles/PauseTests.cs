using Rlhf.Contracts.Sampling;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;

namespace Trainer.Service.Tests.Cycles;

/// <summary>A paused project finishes what runs and starts nothing; somebody resumes it or takes single steps.</summary>
public sealed class PauseTests
{
    private static readonly DateTimeOffset s_noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Paused_EnoughJudgments_NoCycleUntilResumed()
    {
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var project = await database.AddProjectAsync(change: p => p.PausedAt = s_noon);
        await database.JudgeAsync(project, 3);
        await database.PlanAsync(p => p.ConsiderAsync(project.Id, Stop));
        await database.ResumeAsync(project);
        Assert.Empty(await database.SentAsync<StartRun>());

        await database.SetAsync(project, p => p.PausedAt = null);
        await AskedFirstAnswersAsync(database, project);
        await database.ResumeAsync(project);
        Assert.Equal(CycleStatuses.RewardModel, (await database.LatestAsync(project)).Status);
    }

    [Fact]
    public async Task Paused_StageEnds_TheNextIsRecordedAndStartedByResume()
    {
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var (project, user) = await OpenCycleAsync(database);
        await database.SetAsync(project, p => p.PausedAt = s_noon);
        await database.FinishAsync(project, CycleStatuses.RewardModel);
        await database.MoveAsync(project);

        var waiting = await database.LatestAsync(project);
        Assert.Equal((CycleStatuses.RewardModel, CycleStatuses.Ppo, (Guid?)null), (waiting.Status, waiting.NextStage, waiting.PpoRunId));
        Assert.Equal(["start", "improve", "wait"], (await database.DecisionsAsync(project)).Select(d => d.Decision));

        await database.SetAsync(project, p => p.PausedAt = null);
        await database.ResumeAsync(project, user);
        await database.ResumeAsync(project, user);

        var resumed = await database.LatestAsync(project);
        Assert.Equal((CycleStatuses.Ppo, (string?)null), (resumed.Status, resumed.NextStage));
        var last = (await database.DecisionsAsync(project))[^1];
        Assert.Equal(("resume", user), (last.Decision, last.UserId));
        Assert.Single(await database.SentAsync<StartRun>(), m => m.Kind == RunKinds.Ppo);
    }

    [Fact]
    public async Task Step_OfAPausedProject_RunsExactlyOneStageEachTime()
    {
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var (project, user) = await OpenCycleAsync(database);
        await database.SetAsync(project, p => p.PausedAt = s_noon);
        await database.FinishAsync(project, CycleStatuses.RewardModel);
        await database.StepAsync(project, user);
        var policy = await database.FinishAsync(project, CycleStatuses.Ppo);

        // Published, because the stage that ran is finished; but its answers are the next stage.
        var waiting = await database.LatestAsync(project);
        Assert.Equal((CycleStatuses.Ppo, CycleStatuses.Sampling), (waiting.Status, waiting.NextStage));
        Assert.Equal(policy, await database.PolicyAsync(project));
        Assert.Empty(await database.SentAsync<SampleCompletions>());

        await database.StepAsync(project, user);
        Assert.Equal(policy, Assert.Single(await database.SentAsync<SampleCompletions>()).CheckpointId);
        await database.JudgeAsync(project, 3);
        await database.FinishAsync(project, CycleStatuses.Sampling);
        Assert.Equal((1, CycleStatuses.Completed), await NumberAndStatusAsync(database, project));
        await database.StepAsync(project, user);
        Assert.Equal((2, CycleStatuses.RewardModel), await NumberAndStatusAsync(database, project));
        Assert.Equal(
            ["start", "improve", "wait", "step", "publish", "wait", "step", "complete", "start"],
            (await database.DecisionsAsync(project)).Select(d => d.Decision));
    }

    [Fact]
    public async Task Step_WhileTheStageRuns_StartsNothingAndSaysSo()
    {
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var (project, user) = await OpenCycleAsync(database);
        await database.SetAsync(project, p => p.PausedAt = s_noon);
        await database.StepAsync(project, user);
        var decision = (await database.DecisionsAsync(project))[^1];
        Assert.Equal(("no-step", user), (decision.Decision, decision.UserId));
        Assert.Single(await database.SentAsync<StartRun>());
    }

    [Fact]
    public async Task Step_RunEndedUnheardOf_GoesOn()
    {
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var (project, user) = await OpenCycleAsync(database);
        await database.SetAsync(project, p => p.PausedAt = s_noon);
        await database.EndRunAsync(project, CycleStatuses.RewardModel);
        await database.StepAsync(project, user);
        Assert.Equal((1, CycleStatuses.Ppo), await NumberAndStatusAsync(database, project));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Step_BelowTheThreshold_StartsACycleWithTheJudgmentsThereAre(bool auto)
    {
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var user = await database.AddUserAsync("Ada");
        var project = await database.AddProjectAsync(change: p => p.AutoCycle = auto);
        await AskedFirstAnswersAsync(database, project);
        await database.JudgeAsync(project, 1);
        await database.StepAsync(project, user);
        var decision = Assert.Single(await database.DecisionsAsync(project));
        Assert.Equal(("start", user), (decision.Decision, decision.UserId));
        Assert.Equal("""{"available":1,"used":1,"threshold":3}""", decision.NumbersJson);

        // It then goes on by itself: only the start was by hand.
        await database.FinishAsync(project, CycleStatuses.RewardModel);
        Assert.Equal((1, CycleStatuses.Ppo), await NumberAndStatusAsync(database, project));
    }

    [Fact]
    public async Task Step_NothingJudgedAndNothingOpen_AsksForMoreAnswers()
    {
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var project = await database.AddProjectAsync(change: p => (p.AutoCycle, p.PausedAt) = (false, s_noon));
        await database.StepAsync(project);
        var first = Assert.Single(await database.SentAsync<SampleCompletions>());
        await AskedFirstAnswersAsync(database, project);
        await database.StepAsync(project);
        var more = (await database.SentAsync<SampleCompletions>())[^1];
        Assert.NotEqual((first.CommandId, first.Seed), (more.CommandId, more.Seed));
        Assert.Equal("replenish", (await database.DecisionsAsync(project))[^1].Decision);
    }

    [Fact]
    public async Task Step_WithoutAPolicy_SaysWhyNot()
    {
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var project = await database.AddProjectAsync();
        await database.SetAsync(project, p => p.PolicyCheckpointId = null);
        await database.StepAsync(project);
        Assert.Contains("no policy", Assert.Single(await database.DecisionsAsync(project)).NumbersJson, StringComparison.Ordinal);
    }

    // A sampling run in the past, so that the project is beyond its first answers.
    private static async Task AskedFirstAnswersAsync(PlanningDatabase database, Project project)
    {
        await using var db = database.Db();
        db.Runs.Add(new Run { ProjectId = project.Id, Kind = RunKinds.Sample, CommandId = Guid.CreateVersion7(), Status = RunStatuses.Completed });
        await db.SaveChangesAsync(Stop);
    }

    private static async Task<(int, string)> NumberAndStatusAsync(PlanningDatabase database, Project project)
    {
        var cycle = await database.LatestAsync(project);
        return (cycle.Number, cycle.Status);
    }

    private static async Task<(Project Project, Guid User)> OpenCycleAsync(PlanningDatabase database)
    {
        var user = await database.AddUserAsync("Ada");
        var project = await database.AddProjectAsync();
        await AskedFirstAnswersAsync(database, project);
        await database.JudgeAsync(project, 3);
        await database.PlanAsync(p => p.ConsiderAsync(project.Id, Stop));
        return (project, user);
    }
}
