using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Sampling;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;
using Rlhf.TestServers;
using Rlhf.Hosting.Telemetry;

namespace Trainer.Service.Tests.Cycles;

/// <summary>Messages that are lost for good, several projects at once, and several planners at once.</summary>
public sealed class CycleReconcilerTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static TheoryData<string> Providers => TestDatabase.Providers;

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task EveryMessageIsLost_TheSweepAloneTurnsTheLoop(string provider)
    {
        await using var database = await PlanningDatabase.CreateAsync(provider);
        var project = await database.AddProjectAsync();

        await SweepAsync(CycleStatuses.Completed, expectCycle: false);
        Assert.Single(await database.SentAsync<SampleCompletions>());
        await InsertSampleRunAsync(database, project);
        await database.JudgeAsync(project, 3);
        await SweepAsync(CycleStatuses.RewardModel);
        await LoseAndAskAgainAsync<StartRun>(m => m.CommandId);
        await database.EndRunAsync(project, CycleStatuses.RewardModel);
        await SweepAsync(CycleStatuses.Ppo);
        var reward = await database.ReadAsync(db => db.Runs.Where(r => r.Kind == RunKinds.RewardModel).Select(r => r.OutputCheckpointId).SingleAsync(Stop));
        Assert.Equal(reward, (await LoseAndAskAgainAsync<StartRun>(m => m.CommandId)).RewardCheckpointId);
        var policy = await database.EndRunAsync(project, CycleStatuses.Ppo);
        await SweepAsync(CycleStatuses.Sampling);
        Assert.Equal(policy, (await LoseAndAskAgainAsync<SampleCompletions>(m => m.CommandId)).CheckpointId);
        await database.EndRunAsync(project, CycleStatuses.Sampling);
        await SweepAsync(CycleStatuses.Completed);

        async Task SweepAsync(string status, bool expectCycle = true)
        {
            // Too early, then in time, then once more: the second does it, the third finds nothing left.
            await database.ReconcileAsync(project, TimeSpan.FromHours(-1));
            await database.ReconcileAsync(project);
            if (expectCycle)
            {
                Assert.Equal(status, (await database.LatestAsync(project)).Status);
            }
        }

        async Task<T> LoseAndAskAgainAsync<T>(Func<T, Guid> id)
        {
            var before = (await database.SentAsync<T>())[^1];
            await database.ReconcileAsync(project);
            Assert.Equal(id(before), id((await database.SentAsync<T>())[^1]));
            var rows = (await database.SentAsync<T>()).Count;
            await database.LoseMessagesAsync();
            await database.ReconcileAsync(project);

            // Only the lost command of the stage comes again, word for word.
            var again = Assert.Single(await database.SentAsync<T>());
            Assert.True(rows >= 1);
            Assert.Equal(before, again);
            Assert.Equal("ask-again", (await database.DecisionsAsync(project))[^1].Decision);
            await database.ReconcileAsync(project, TimeSpan.FromSeconds(-1));
            Assert.Single(await database.SentAsync<T>());
            return again;
        }
    }

    [Theory]
    [InlineData(RunStatuses.Failed)]
    [InlineData(RunStatuses.Cancelled)]
    public async Task RunEndedBadlyUnheardOf_TheCycleFails(string status)
    {
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var project = await database.AddProjectAsync();
        await InsertSampleRunAsync(database, project);
        await database.JudgeAsync(project, 3);
        await database.PlanAsync(p => p.ConsiderAsync(project.Id, Stop));
        await database.EndRunAsync(project, CycleStatuses.RewardModel, status);
        await database.ReconcileAsync(project, TimeSpan.FromHours(-1));
        Assert.Equal(CycleStatuses.RewardModel, (await database.LatestAsync(project)).Status);
        await database.ReconcileAsync(project);
        var cycle = await database.LatestAsync(project);
        Assert.Equal((CycleStatuses.Failed, status == RunStatuses.Failed ? "disk full" : "cancelled"), (cycle.Status, cycle.Reason));
    }

    [Fact]
    public async Task HaltedCycleWithARunningRun_IsCancelledAgain()
    {
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var project = await database.AddProjectAsync();
        await database.JudgeAsync(project, 3);
        await database.PlanAsync(p => p.ConsiderAsync(project.Id, Stop));
        await database.EndRunAsync(project, CycleStatuses.RewardModel, RunStatuses.Running);
        await database.ReadAsync(db => db.Cycles.ExecuteUpdateAsync(
            set => set.SetProperty(c => c.Status, CycleStatuses.Halted).SetProperty(c => c.FinishedAt, DateTimeOffset.UtcNow), Stop));
        await database.ReconcileAsync(project);
        Assert.Equal((await database.LatestAsync(project)).RewardRunId, Assert.Single(await database.SentAsync<CancelRun>()).RunId);
    }

    [Fact]
    public async Task NothingLeftToJudge_AsksForMoreAnswers_ButNotOfAPolicyWhoseAnswersAreAllAlike()
    {
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var project = await database.AddProjectAsync();
        var run = await InsertSampleRunAsync(database, project);
        await database.ReconcileAsync(project);
        Assert.Empty(await database.SentAsync<SampleCompletions>());

        await database.JudgeAsync(project, 1);
        await database.ReadAsync(db => db.Completions.Where(c => c.Text == "a").ExecuteUpdateAsync(set => set.SetProperty(c => c.RunId, run), Stop));
        await database.ReconcileAsync(project);
        Assert.Single(await database.SentAsync<SampleCompletions>());
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task TwoPlannersAtOnce_OneCycleStarts(string provider)
    {
        await using var database = await PlanningDatabase.CreateAsync(provider);
        var project = await database.AddProjectAsync();
        await database.JudgeAsync(project, 6);
        using var together = new Barrier(4);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(
            async () =>
            {
                together.SignalAndWait(Stop);
                await database.PlanAsync(p => p.ConsiderAsync(project.Id, Stop));
            },
            Stop)));
        Assert.Equal(1, (await database.LatestAsync(project)).Number);
        Assert.Single(await database.SentAsync<StartRun>());
        Assert.Equal(3, await database.ReadAsync(db => db.Judgments.CountAsync(j => j.CycleId != null, Stop)));

        // And one decision about its end, however many hear of it at once.
        await database.EndRunAsync(project, CycleStatuses.RewardModel);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(
            async () =>
            {
                together.SignalAndWait(Stop);
                await database.MoveAsync(project);
            },
            Stop)));
        Assert.Equal(["start", "improve"], (await database.DecisionsAsync(project)).Select(d => d.Decision));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task TwoProjectsInterleaved_NeverMix(string provider)
    {
        await using var database = await PlanningDatabase.CreateAsync(provider);
        Project[] projects = [await database.AddProjectAsync("one"), await database.AddProjectAsync("two")];
        var judged = new Dictionary<Guid, HashSet<Guid>>();
        foreach (var project in projects)
        {
            judged[project.Id] = [.. await database.JudgeAsync(project, 3)];
        }

        foreach (var project in projects)
        {
            await database.PlanAsync(p => p.ConsiderAsync(project.Id, Stop));
        }

        foreach (var stage in new[] { CycleStatuses.RewardModel, CycleStatuses.Ppo, CycleStatuses.Sampling })
        {
            foreach (var project in Enumerable.Reverse(projects))
            {
                await database.FinishAsync(project, stage);
                await database.ReconcileAsync(projects[0]);
            }
        }

        foreach (var project in projects)
        {
            var cycle = await database.LatestAsync(project);
            Assert.Equal((1, CycleStatuses.Completed), (cycle.Number, cycle.Status));
            Assert.Equal(judged[project.Id].Order(), await database.ReadAsync(db => db.Judgments.Where(j => j.CycleId == cycle.Id).Select(j => j.Id).OrderBy(i => i).ToListAsync(Stop)));
            var policy = await database.PolicyAsync(project);
            Assert.Equal(project.Id, await database.ReadAsync(db => db.Checkpoints.Where(c => c.Id == policy).Select(c => c.ProjectId).SingleAsync(Stop)));
            Assert.All((await database.SentAsync<StartRun>()).Where(m => m.ProjectId == project.Id), m => Assert.Equal(cycle.Id, m.CycleId));
            Assert.Equal(["start", "improve", "publish", "complete"], (await database.DecisionsAsync(project)).Select(d => d.Decision));
        }
    }

    [Fact]
    public async Task CycleStart_IsLinkedToTheTracesOfItsJudgments()
    {
        var starts = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == RlhfTelemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
        };
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var project = await database.AddProjectAsync($"traced-{Guid.NewGuid():N}");
        listener.ActivityStopped = activity =>
        {
            if (activity.OperationName == "cycle.start" && Equals(activity.GetTagItem("rlhf.project"), project.Slug))
            {
                starts.Add(activity);
            }
        };
        ActivitySource.AddActivityListener(listener);
        var judgments = await database.JudgeAsync(project, 3);
        string[] traces = ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"];
        for (var i = 0; i < traces.Length; i++)
        {
            var (judgment, trace) = (judgments[i], traces[i]);
            await database.ReadAsync(db => db.Judgments.Where(j => j.Id == judgment).ExecuteUpdateAsync(set => set.SetProperty(j => j.TraceParent, trace), Stop));
        }

        await database.PlanAsync(p => p.ConsiderAsync(project.Id, Stop));
        var start = Assert.Single(starts);
        Assert.Equal(traces.Select(t => t.Split('-')[1]), start.Links.Select(l => l.Context.TraceId.ToHexString()).Order());
    }

    private static async Task<Guid> InsertSampleRunAsync(PlanningDatabase database, Project project)
    {
        await using var db = database.Db();
        var run = new Run { ProjectId = project.Id, Kind = RunKinds.Sample, CommandId = Guid.CreateVersion7(), Status = RunStatuses.Completed };
        db.Runs.Add(run);
        await db.SaveChangesAsync(Stop);
        return run.Id;
    }
}
