using Rlhf.Contracts.Sampling;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;
using Rlhf.Training.Metrics;

namespace Trainer.Service.Tests.Cycles;

/// <summary>What a reward model and a policy must have reached, and what the decision says.</summary>
public sealed class GateTests
{
    [Theory]
    [InlineData(0.7, true)]
    [InlineData(0.6, true)]
    [InlineData(0.59, false)]
    [InlineData(null, true)]
    public async Task RewardModel_AccuracyOnHeldOutJudgments(double? accuracy, bool passes)
    {
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var project = await OpenCycleAsync(database);
        await database.FinishAsync(project, CycleStatuses.RewardModel, metrics: accuracy is { } value ? [(MetricNames.RewardEvaluationAccuracy, value)] : []);

        var cycle = await database.LatestAsync(project);
        var decision = (await database.DecisionsAsync(project))[1];
        Assert.Equal(passes ? (CycleStatuses.Ppo, "improve") : (CycleStatuses.Halted, "halt"), (cycle.Status, decision.Decision));
        Assert.Contains("\"gate\":0.6", decision.NumbersJson, StringComparison.Ordinal);
        Assert.Equal(passes, cycle.PpoRunId is not null);
        Assert.Equal(passes, cycle.Reason is null);
    }

    [Theory]
    [InlineData(null, null, 50.0, -9.0, true)]
    [InlineData(10.0, null, 10.0, -9.0, true)]
    [InlineData(10.0, null, 10.1, 9.0, false)]
    [InlineData(10.0, null, null, 9.0, false)]
    [InlineData(null, 0.5, 50.0, 1.5, true)]
    [InlineData(null, 0.5, 50.0, 1.25, false)]
    [InlineData(null, 0.5, 50.0, null, true)]
    [InlineData(10.0, 0.5, 5.0, 1.25, false)]
    public async Task Policy_KlBudgetAndHeldOutScore(double? budget, double? gate, double? kl, double? score, bool passes)
    {
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var project = await OpenCycleAsync(database, p => (p.KlBudget, p.HeldOutScoreGate) = (budget, gate));
        var before = await database.PolicyAsync(project);
        await database.FinishAsync(project, CycleStatuses.RewardModel);
        List<(string, double)> metrics = [];
        if (kl is { } nats)
        {
            metrics.Add((MetricNames.Kl, nats));
        }

        // The starting policy scores 1, so the gain is the score less 1.
        if (score is { } mean)
        {
            metrics.AddRange([(MetricNames.EvaluationScoreStart, 1.0), (MetricNames.EvaluationScore, mean)]);
        }

        var policy = await database.FinishAsync(project, CycleStatuses.Ppo, metrics: [.. metrics]);

        var cycle = await database.LatestAsync(project);
        Assert.Equal(passes ? policy : before, await database.PolicyAsync(project));
        Assert.Equal(passes ? CycleStatuses.Sampling : CycleStatuses.Halted, cycle.Status);
        var decision = (await database.DecisionsAsync(project)).Single(d => d.Decision == (passes ? "publish" : "halt"));
        Assert.Contains($"\"checkpointId\":\"{policy}\"", decision.NumbersJson, StringComparison.Ordinal);
        Assert.Contains("\"klBudget\":", decision.NumbersJson, StringComparison.Ordinal);
        Assert.Contains("\"gain\":", decision.NumbersJson, StringComparison.Ordinal);

        // Either way annotators get something to do: of the new policy, or, after a halt, more of the old one.
        var asked = Assert.Single(await database.SentAsync<SampleCompletions>());
        Assert.Equal(passes ? policy : before, asked.CheckpointId);
        Assert.Equal(passes ? cycle.Id : null, asked.CycleId);
    }

    [Fact]
    public async Task Policy_BothGatesTripped_TheReasonNamesBothWithTheirNumbers()
    {
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var project = await OpenCycleAsync(database, p => (p.KlBudget, p.HeldOutScoreGate) = (4, 0.5));
        await database.FinishAsync(project, CycleStatuses.RewardModel);
        await database.FinishAsync(
            project, CycleStatuses.Ppo, metrics: [(MetricNames.Kl, 4.5), (MetricNames.EvaluationScoreStart, 1.0), (MetricNames.EvaluationScore, 1.25)]);
        Assert.Equal(
            "KL 4.5 nats per answer is over the budget 4; the mean score on held-out prompts went from 1 to 1.25, a gain of 0.25, below the gate 0.5",
            (await database.LatestAsync(project)).Reason);
    }

    [Fact]
    public async Task Policy_ResumedAfterTheProjectWentOn_IsNotPublished()
    {
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var project = await OpenCycleAsync(database);
        await database.FinishAsync(project, CycleStatuses.RewardModel);
        await database.FinishAsync(project, CycleStatuses.Ppo, RunStatuses.Failed);
        var other = new Checkpoint { ProjectId = project.Id, Kind = CheckpointKinds.Policy, Version = 9, Path = "9", ContentHash = "9" };
        await using (var db = database.Db())
        {
            db.Checkpoints.Add(other);
            await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        }

        await database.SetAsync(project, p => p.PolicyCheckpointId = other.Id);
        await database.FinishAsync(project, CycleStatuses.Ppo);
        Assert.Equal(other.Id, await database.PolicyAsync(project));
        Assert.Contains("not the one this cycle began with", (await database.LatestAsync(project)).Reason, StringComparison.Ordinal);
    }

    private static async Task<Project> OpenCycleAsync(PlanningDatabase database, Action<Project>? change = null)
    {
        var project = await database.AddProjectAsync(change: change);
        await database.JudgeAsync(project, 3);
        await database.PlanAsync(p => p.ConsiderAsync(project.Id, TestContext.Current.CancellationToken));
        return project;
    }
}
