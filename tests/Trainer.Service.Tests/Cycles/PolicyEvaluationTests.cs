using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;

namespace Trainer.Service.Tests.Cycles;

/// <summary>What evaluations have to do with cycles: a new policy may ask for one, and nothing else.</summary>
public sealed class PolicyEvaluationTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Publish_EvaluatesTheNewPolicyIfTheProjectSaysSo(bool evaluate)
    {
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var project = await database.AddProjectAsync(change: p => p.EvaluatePolicies = evaluate);
        await database.JudgeAsync(project, 3);
        await database.PlanAsync(p => p.ConsiderAsync(project.Id, Stop));
        await database.FinishAsync(project, CycleStatuses.RewardModel);
        var policy = await database.FinishAsync(project, CycleStatuses.Ppo);

        // The planner hears of the same run again.
        await database.MoveAsync(project);
        var asked = (await database.SentAsync<StartRun>()).Where(s => s.Kind == RunKinds.Eval).ToList();
        Assert.Equal(CycleStatuses.Sampling, (await database.LatestAsync(project)).Status);
        if (!evaluate)
        {
            Assert.Empty(asked);
            return;
        }

        // It belongs to no cycle, so no cycle waits for it or fails with it.
        var start = Assert.Single(asked);
        Assert.Equal((policy, (Guid?)null, 0), (start.PolicyCheckpointId, start.CycleId, start.Priority ?? 0));
    }

    [Fact]
    public async Task Consider_JudgmentsOnAnEvaluationsTasks_StartNoCycle()
    {
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var project = await database.AddProjectAsync();
        await database.JudgeAsync(project, 3);
        await using (var db = database.Db())
        {
            var run = new Run { ProjectId = project.Id, Kind = RunKinds.Eval, CommandId = Guid.CreateVersion7() };
            db.Runs.Add(run);
            await db.SaveChangesAsync(Stop);
            await db.ComparisonTasks.ExecuteUpdateAsync(set => set.SetProperty(t => t.EvaluationRunId, run.Id), Stop);
        }

        await database.PlanAsync(p => p.ConsiderAsync(project.Id, Stop));
        Assert.False(await database.ReadAsync(db => db.Cycles.AnyAsync(Stop)));
        await database.JudgeAsync(project, 3);
        await database.PlanAsync(p => p.ConsiderAsync(project.Id, Stop));

        // It takes the three of the loop and none of the others.
        Assert.Equal(3, await database.ReadAsync(db => db.Judgments.CountAsync(j => j.CycleId != null, Stop)));
        Assert.False(await database.ReadAsync(db => db.Judgments.AnyAsync(j => j.CycleId != null && db.ComparisonTasks.Any(t => t.Id == j.TaskId && t.EvaluationRunId != null), Stop)));
    }
}
