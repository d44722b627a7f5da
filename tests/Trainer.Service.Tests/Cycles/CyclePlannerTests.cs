using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Sampling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Training.Metrics;
using Trainer.Service.Cycles;

namespace Trainer.Service.Tests.Cycles;

/// <summary>The planner's decisions: rows and outgoing messages, and every consumer with the same message delivered twice.</summary>
public sealed class CyclePlannerTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task JudgmentRecorded_BelowTheThreshold_StartsNothing()
    {
        await using var host = await TrainerHost.StartAsync();
        var judgments = await host.JudgeAsync(2);
        await host.DeliverTwiceAsync(Recorded(judgments[0]), db => db.Inbox.AnyAsync(Stop));
        await using var db = host.Db();
        Assert.Empty(await db.Cycles.ToListAsync(Stop));
        Assert.Empty(await db.Runs.ToListAsync(Stop));
    }

    [Fact]
    public async Task JudgmentRecorded_AtTheThreshold_OpensOneCycleOverExactlyTheOldestJudgments()
    {
        await using var host = await TrainerHost.StartAsync();
        var judgments = await host.JudgeAsync(5);
        await host.DeliverTwiceAsync(Recorded(judgments[0]), db => db.Cycles.AnyAsync(Stop));
        await using var db = host.Db();
        var cycle = Assert.Single(await db.Cycles.ToListAsync(Stop));
        Assert.Equal((1, CycleStatuses.RewardModel), (cycle.Number, cycle.Status));
        var used = await db.Judgments.Where(j => j.CycleId == cycle.Id).Select(j => j.Id).ToListAsync(Stop);
        Assert.Equal(judgments.Take(3).Select(j => j.Id).Order(), used.Order());
        var decision = Assert.Single(await db.CycleDecisions.ToListAsync(Stop));
        Assert.Equal("start", decision.Decision);
        Assert.Contains("\"available\":5", decision.NumbersJson, StringComparison.Ordinal);
    }

    [Fact]
    public async Task JudgmentRecorded_CyclesOff_StartsNothing()
    {
        await using var host = await TrainerHost.StartAsync();
        await using (var db = host.Db())
        {
            await db.Projects.ExecuteUpdateAsync(s => s.SetProperty(p => p.AutoCycle, false), Stop);
        }

        var judgments = await host.JudgeAsync(3);
        await host.DeliverTwiceAsync(Recorded(judgments[0]), db => db.Inbox.AnyAsync(Stop));
        await using var after = host.Db();
        Assert.Empty(await after.Cycles.ToListAsync(Stop));
    }

    [Fact]
    public async Task RetractedJudgments_DoNotCount()
    {
        await using var host = await TrainerHost.StartAsync();
        var judgments = await host.JudgeAsync(3);
        await using var db = host.Db();
        await db.Judgments.Where(j => j.Id == judgments[0].Id).ExecuteUpdateAsync(s => s.SetProperty(j => j.RetractedAt, DateTimeOffset.UtcNow), Stop);
        await TrainerHost.Planner(db).ConsiderAsync(host.Project.Id, Stop);
        await db.SaveChangesAsync(Stop);
        Assert.Empty(await db.Cycles.ToListAsync(Stop));
    }

    [Theory]
    [InlineData(0.7, CycleStatuses.Ppo, "improve")]
    [InlineData(0.5, CycleStatuses.Halted, "halt")]
    [InlineData(null, CycleStatuses.Ppo, "improve")]
    public async Task RewardModelCompleted_GateOnHeldOutAccuracy(double? accuracy, string status, string decision)
    {
        await using var host = await TrainerHost.StartAsync();
        var (cycle, reward) = await OpenCycleAsync(host);
        var checkpoint = await CompleteRewardRunAsync(host, cycle, reward, accuracy);
        await host.DeliverTwiceAsync(
            new RunCompleted { RunId = reward, ProjectId = host.Project.Id, CycleId = cycle, Kind = RunKinds.RewardModel, OutputCheckpointId = checkpoint },
            db => db.CycleDecisions.AnyAsync(d => d.Decision == decision, Stop));

        await using var db = host.Db();
        var row = await db.Cycles.SingleAsync(Stop);
        Assert.Equal(status, row.Status);
        Assert.Single(await db.CycleDecisions.Where(d => d.Decision == decision).ToListAsync(Stop));
        if (status == CycleStatuses.Halted)
        {
            Assert.Contains("below the gate", row.Reason, StringComparison.Ordinal);
            Assert.Null(row.PpoRunId);
        }
        else
        {
            await host.WaitAsync(d => d.Runs.AnyAsync(r => r.Id == row.PpoRunId, Stop));
            var run = await db.Runs.AsNoTracking().SingleAsync(r => r.Kind == RunKinds.Ppo, Stop);
            Assert.Equal(checkpoint, run.RewardCheckpointId);
            Assert.Equal(RunSeed.Derive(7, 1, RunKinds.Ppo), run.Seed);
            Assert.Contains("\"updates\":3", run.ConfigJson, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task PpoCompleted_PublishesThePolicyAndSamplesFromIt_Once()
    {
        await using var host = await TrainerHost.StartAsync();
        var (cycle, reward) = await OpenCycleAsync(host);
        var rewardCheckpoint = await CompleteRewardRunAsync(host, cycle, reward, 0.9);
        Guid ppo, policy;
        await using (var db = host.Db())
        {
            await TrainerHost.Planner(db).MoveAsync(cycle, Stop);
            var checkpoint = new Checkpoint { ProjectId = host.Project.Id, Kind = CheckpointKinds.Policy, Version = 1, Path = "new", ContentHash = "1" };
            db.Checkpoints.Add(checkpoint);
            await db.SaveChangesAsync(Stop);
            (ppo, policy) = ((await db.Cycles.SingleAsync(Stop)).PpoRunId!.Value, checkpoint.Id);
        }

        await host.WaitAsync(db => db.Runs.AnyAsync(r => r.Id == ppo && r.RewardCheckpointId == rewardCheckpoint, Stop));
        await CompleteAsync(host, ppo, policy);

        await host.DeliverTwiceAsync(
            new RunCompleted { RunId = ppo, ProjectId = host.Project.Id, CycleId = cycle, Kind = RunKinds.Ppo, OutputCheckpointId = policy },
            db => db.Runs.AnyAsync(r => r.Kind == RunKinds.Sample, Stop));

        await using var after = host.Db();
        Assert.Equal(policy, (await after.Projects.SingleAsync(Stop)).PolicyCheckpointId);
        var sample = Assert.Single(await after.Runs.Where(r => r.Kind == RunKinds.Sample).ToListAsync(Stop));
        Assert.Equal(policy, sample.PolicyCheckpointId);
        Assert.Equal(sample.Id, (await after.Cycles.SingleAsync(Stop)).SampleRunId);
    }

    [Fact]
    public async Task CompletionsSampled_ClosesTheCycleOnce_AndTheNextOneMayStart()
    {
        await using var host = await TrainerHost.StartAsync();
        var (cycle, _) = await OpenCycleAsync(host);
        await host.JudgeAsync(3);
        var sample = Guid.CreateVersion7();
        await using (var db = host.Db())
        {
            db.Runs.Add(new Run { Id = sample, ProjectId = host.Project.Id, CycleId = cycle, Kind = RunKinds.Sample, CommandId = sample, Status = RunStatuses.Completed });
            await db.SaveChangesAsync(Stop);
            await db.Cycles.ExecuteUpdateAsync(set => set.SetProperty(c => c.SampleRunId, sample).SetProperty(c => c.Status, CycleStatuses.Sampling), Stop);
        }

        await host.DeliverTwiceAsync(
            new CompletionsSampled { RunId = sample, ProjectId = host.Project.Id, CycleId = cycle, CheckpointId = Guid.CreateVersion7(), Round = 1 },
            db => db.Cycles.AnyAsync(c => c.Number == 2, Stop));
        await using var after = host.Db();
        Assert.Equal([CycleStatuses.Completed, CycleStatuses.RewardModel], await after.Cycles.OrderBy(c => c.Number).Select(c => c.Status).ToListAsync(Stop));
        Assert.Single(await after.CycleDecisions.Where(d => d.Decision == "complete").ToListAsync(Stop));
    }

    [Fact]
    public async Task RunFailed_EndsTheCycleWithItsReason_AndAResumedRunGoesOn()
    {
        await using var host = await TrainerHost.StartAsync();
        var (cycle, reward) = await OpenCycleAsync(host);
        await EndBadlyAsync(host, cycle, reward, RunStatuses.Failed);
        await host.DeliverTwiceAsync(
            new RunFailed { RunId = reward, ProjectId = host.Project.Id, CycleId = cycle, Kind = RunKinds.RewardModel, Step = 3, Error = "disk full" },
            db => db.Cycles.AnyAsync(c => c.Status == CycleStatuses.Failed, Stop));
        await using (var failed = host.Db())
        {
            Assert.Equal("disk full", (await failed.Cycles.SingleAsync(Stop)).Reason);
        }

        await using (var resumed = host.Db())
        {
            await resumed.Runs.Where(r => r.Id == reward).ExecuteDeleteAsync(Stop);
        }

        await CompleteRewardRunAsync(host, cycle, reward, 0.9);
        await using var db = host.Db();
        await TrainerHost.Planner(db).MoveAsync(cycle, Stop);
        await db.SaveChangesAsync(Stop);
        Assert.Equal(CycleStatuses.Ppo, (await db.Cycles.SingleAsync(Stop)).Status);
    }

    [Fact]
    public async Task RunCancelled_EndsTheCycle()
    {
        await using var host = await TrainerHost.StartAsync();
        var (cycle, reward) = await OpenCycleAsync(host);
        await EndBadlyAsync(host, cycle, reward, RunStatuses.Cancelled);
        await host.DeliverTwiceAsync(
            new RunCancelled { RunId = reward, ProjectId = host.Project.Id, CycleId = cycle, Kind = RunKinds.RewardModel },
            db => db.Cycles.AnyAsync(c => c.Status == CycleStatuses.Failed, Stop));
        await using var after = host.Db();
        Assert.Single(await after.CycleDecisions.Where(d => d.Decision == "fail").ToListAsync(Stop));
    }

    [Fact]
    public async Task RunFailed_DeliveredAfterTheRunWasResumedAndCompleted_ChangesNothing()
    {
        await using var host = await TrainerHost.StartAsync();
        var (cycle, reward) = await OpenCycleAsync(host);
        await CompleteRewardRunAsync(host, cycle, reward, 0.9);
        await host.DeliverTwiceAsync(
            new RunFailed { RunId = reward, ProjectId = host.Project.Id, CycleId = cycle, Kind = RunKinds.RewardModel, Step = 3, Error = "long ago" },
            db => db.Cycles.AnyAsync(c => c.Status == CycleStatuses.Ppo, Stop));
        await using var after = host.Db();
        Assert.Equal(["start", "improve"], await after.CycleDecisions.OrderBy(d => d.CreatedAt).Select(d => d.Decision).ToListAsync(Stop));
    }

    [Fact]
    public async Task AdvanceCycle_Step_StartsOneCycleOnce()
    {
        await using var host = await TrainerHost.StartAsync();
        await host.SampledAsync();
        await host.JudgeAsync(1);
        await host.DeliverTwiceAsync(new AdvanceCycle { ProjectId = host.Project.Id, Step = true }, db => db.Cycles.AnyAsync(Stop));
        await using var after = host.Db();
        Assert.Equal(1, Assert.Single(await after.Cycles.ToListAsync(Stop)).Number);
        Assert.Equal("start", (await after.CycleDecisions.OrderBy(d => d.CreatedAt).FirstAsync(Stop)).Decision);
    }

    [Fact]
    public async Task RollBackPolicy_ToAnEarlierCheckpoint_OnceAndSampled()
    {
        await using var host = await TrainerHost.StartAsync();
        await host.SampledAsync();
        var earlier = host.Project.PolicyCheckpointId!.Value;
        await using (var db = host.Db())
        {
            var bad = new Checkpoint { ProjectId = host.Project.Id, Kind = CheckpointKinds.Policy, Version = 1, Path = "bad", ContentHash = "1" };
            db.Checkpoints.Add(bad);
            await db.SaveChangesAsync(Stop);
            await db.Projects.ExecuteUpdateAsync(set => set.SetProperty(p => p.PolicyCheckpointId, bad.Id), Stop);
        }

        await host.DeliverTwiceAsync(
            new RollBackPolicy { ProjectId = host.Project.Id, CheckpointId = earlier },
            db => db.Runs.AnyAsync(r => r.Kind == RunKinds.Sample && r.Status == RunStatuses.Queued && r.PolicyCheckpointId == earlier, Stop));
        await using var after = host.Db();
        Assert.Equal(earlier, (await after.Projects.SingleAsync(Stop)).PolicyCheckpointId);
        Assert.Single(await after.CycleDecisions.Where(d => d.Decision == "roll-back").ToListAsync(Stop));
    }

    [Fact]
    public async Task JudgmentsRetracted_Requeue_FreesTheCycleOnce()
    {
        await using var host = await TrainerHost.StartAsync();
        await host.SampledAsync();
        var (cycle, _) = await OpenCycleAsync(host);
        var annotator = new AppUser { UserName = "bad", NormalizedUserName = "BAD", DisplayName = "Bad" };
        await using (var db = host.Db())
        {
            db.Users.Add(annotator);
            await db.SaveChangesAsync(Stop);
            var one = await db.Judgments.OrderBy(j => j.Id).Select(j => j.Id).FirstAsync(Stop);
            await db.Judgments.Where(j => j.Id == one).ExecuteUpdateAsync(
                set => set.SetProperty(j => j.AnnotatorId, annotator.Id).SetProperty(j => j.RetractedAt, DateTimeOffset.UtcNow), Stop);
        }

        await host.DeliverTwiceAsync(
            new JudgmentsRetracted { ProjectId = host.Project.Id, AnnotatorId = annotator.Id, Requeue = true },
            db => db.CycleDecisions.AnyAsync(d => d.Decision == "requeue", Stop));
        await using var after = host.Db();
        Assert.Equal(CycleStatuses.Halted, (await after.Cycles.SingleAsync(c => c.Id == cycle, Stop)).Status);
        Assert.Equal(2, await after.Judgments.CountAsync(j => j.CycleId == null && j.RetractedAt == null, Stop));
        Assert.Single(await after.CycleDecisions.Where(d => d.Decision == "requeue").ToListAsync(Stop));
    }

    [Fact]
    public async Task PlannerSweep_FindsAProjectThatNoMessageWoke()
    {
        await using var host = await TrainerHost.StartAsync();
        await host.SampledAsync();
        await host.JudgeAsync(3);
        await host.Sweep.SweepAsync(Stop);
        await using var db = host.Db();
        Assert.Equal(1, (await db.Cycles.SingleAsync(Stop)).Number);
    }

    [Fact]
    public async Task PromptsImported_FirstTime_AsksForAnswersOnce()
    {
        await using var host = await TrainerHost.StartAsync();
        await host.DeliverTwiceAsync(new PromptsImported { ProjectId = host.Project.Id, Count = 5 }, db => db.Runs.AnyAsync(r => r.Kind == RunKinds.Sample, Stop));
        await using var db = host.Db();
        var run = Assert.Single(await db.Runs.ToListAsync(Stop));
        Assert.Contains("\"prompt_count\":5", run.ConfigJson, StringComparison.Ordinal);
        Assert.Equal(host.Project.PolicyCheckpointId, run.PolicyCheckpointId);
    }

    [Fact]
    public async Task CancelRun_OfAQueuedRun_CancelsItOnce()
    {
        await using var host = await TrainerHost.StartAsync();
        var run = new Run { ProjectId = host.Project.Id, Kind = RunKinds.Ppo, CommandId = Guid.CreateVersion7() };
        await using (var db = host.Db())
        {
            db.Runs.Add(run);
            await db.SaveChangesAsync(Stop);
        }

        await host.DeliverTwiceAsync(new CancelRun { RunId = run.Id }, db => db.Runs.AnyAsync(r => r.Status == RunStatuses.Cancelled, Stop));
    }

    [Fact]
    public async Task StartRun_ConfigWithUnknownKeys_IsSetAsideWithTheReason()
    {
        await using var host = await TrainerHost.StartAsync();
        await using (var db = host.Db())
        {
            await db.Projects.ExecuteUpdateAsync(s => s.SetProperty(p => p.PpoConfigJson, """{"updats": 3}"""), Stop);
            OutboxWriter.Add(db, new StartRun { CommandId = Guid.CreateVersion7(), ProjectId = host.Project.Id, Kind = RunKinds.Ppo, Seed = 1 });
            await db.SaveChangesAsync(Stop);
        }

        await host.WaitAsync(db => db.FailedMessages.AnyAsync(f => f.Error.Contains("updats is unknown"), Stop));
        await using var after = host.Db();
        Assert.Empty(await after.Runs.ToListAsync(Stop));
    }

    private static JudgmentRecorded Recorded(Judgment judgment) => new() { JudgmentId = judgment.Id, TaskId = judgment.TaskId, ProjectId = judgment.ProjectId };

    private static async Task<(Guid Cycle, Guid RewardRun)> OpenCycleAsync(TrainerHost host)
    {
        await host.JudgeAsync(3);
        await using var db = host.Db();
        await TrainerHost.Planner(db).ConsiderAsync(host.Project.Id, Stop);
        await db.SaveChangesAsync(Stop);
        var cycle = await db.Cycles.SingleAsync(Stop);
        return (cycle.Id, cycle.RewardRunId!.Value);
    }

    private static async Task<Guid> CompleteRewardRunAsync(TrainerHost host, Guid cycle, Guid run, double? accuracy)
    {
        await using var db = host.Db();
        var checkpoint = new Checkpoint { ProjectId = host.Project.Id, Kind = CheckpointKinds.RewardModel, Path = "reward", ContentHash = "2" };
        db.Checkpoints.Add(checkpoint);
        db.Runs.Add(new Run
        {
            Id = run,
            ProjectId = host.Project.Id,
            CycleId = cycle,
            Kind = RunKinds.RewardModel,
            CommandId = run,
            Status = RunStatuses.Completed,
            OutputCheckpointId = checkpoint.Id,
        });
        if (accuracy is { } value)
        {
            db.Metrics.Add(new MetricPoint { RunId = run, Step = 1, Name = MetricNames.RewardEvaluationAccuracy, Value = value });
        }

        await db.SaveChangesAsync(Stop);
        return checkpoint.Id;
    }

    private static async Task CompleteAsync(TrainerHost host, Guid run, Guid output)
    {
        await using var db = host.Db();
        await db.Runs.Where(r => r.Id == run).ExecuteUpdateAsync(
            set => set.SetProperty(r => r.Status, RunStatuses.Completed).SetProperty(r => r.OutputCheckpointId, output), Stop);
    }

    private static async Task EndBadlyAsync(TrainerHost host, Guid cycle, Guid run, string status)
    {
        await using var db = host.Db();
        db.Runs.Add(new Run { Id = run, ProjectId = host.Project.Id, CycleId = cycle, Kind = RunKinds.RewardModel, CommandId = run, Status = status, Error = "disk full" });
        await db.SaveChangesAsync(Stop);
    }
}
