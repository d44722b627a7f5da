using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Sampling;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;
using Rlhf.TestServers;

namespace Trainer.Service.Tests.Cycles;

/// <summary>Back to an earlier policy, by hand and because judgments were taken back.</summary>
public sealed class PolicyRollbackTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static TheoryData<string> Providers => TestDatabase.Providers;

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task RollBack_HaltsTheCycleCancelsItsRunAndAsksForAnswers(string provider)
    {
        await using var database = await PlanningDatabase.CreateAsync(provider);
        var user = await database.AddUserAsync("Ada");
        var project = await database.AddProjectAsync();
        var first = await database.PolicyAsync(project);
        await RunCycleAsync(database, project);
        await StartCycleAsync(database, project);
        var running = await database.LatestAsync(project);

        await RollBackAsync(database, project, first!.Value, user);
        await RollBackAsync(database, project, first.Value, user);

        Assert.Equal(first, await database.PolicyAsync(project));
        var halted = await database.LatestAsync(project);
        Assert.Equal((2, CycleStatuses.Halted, "the policy was rolled back to v0"), (halted.Number, halted.Status, halted.Reason));
        Assert.Equal(running.RewardRunId, Assert.Single(await database.SentAsync<CancelRun>()).RunId);
        var asked = (await database.SentAsync<SampleCompletions>())[^1];
        Assert.Equal((first.Value, (Guid?)null), (asked.CheckpointId, asked.CycleId));
        var decisions = await database.DecisionsAsync(project);
        var decision = decisions.Single(d => d.Decision == "roll-back");
        Assert.Equal(user, decision.UserId);
        Assert.Equal($$"""{"checkpointId":"{{first}}","fromVersion":1,"toVersion":0,"haltedCycle":2}""", decision.NumbersJson);
        Assert.Contains("already", decisions[^1].NumbersJson, StringComparison.Ordinal);

        // The cancelled run, or one that completes all the same, no longer moves the cycle.
        await database.FinishAsync(project, CycleStatuses.RewardModel, RunStatuses.Cancelled);
        Assert.Equal(CycleStatuses.Halted, (await database.LatestAsync(project)).Status);
    }

    [Theory]
    [InlineData("another project", "belongs to another project")]
    [InlineData("reward model", "is a reward-model checkpoint")]
    [InlineData("retired", "was retired")]
    [InlineData("files", "files were removed")]
    [InlineData("nothing", "no such checkpoint")]
    public async Task RollBack_ToWhatCannotBeThePolicy_IsRefusedWithTheReason(string what, string reason)
    {
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var project = await database.AddProjectAsync();
        var other = await database.AddProjectAsync("other");
        var before = await database.PolicyAsync(project);
        var checkpoint = new Checkpoint
        {
            ProjectId = what == "another project" ? other.Id : project.Id,
            Kind = what == "reward model" ? CheckpointKinds.RewardModel : CheckpointKinds.Policy,
            Version = 5,
            Path = "5",
            ContentHash = "5",
            RetiredAt = what == "retired" ? DateTimeOffset.UtcNow : null,
            FilesDeletedAt = what == "files" ? DateTimeOffset.UtcNow : null,
        };
        if (what != "nothing")
        {
            await using var db = database.Db();
            db.Checkpoints.Add(checkpoint);
            await db.SaveChangesAsync(Stop);
        }

        await RollBackAsync(database, project, checkpoint.Id, user: null);
        Assert.Equal(before, await database.PolicyAsync(project));
        var decision = Assert.Single(await database.DecisionsAsync(project));
        Assert.Equal("no-roll-back", decision.Decision);
        Assert.Contains(reason, decision.NumbersJson, StringComparison.Ordinal);
        Assert.Empty(await database.SentAsync<SampleCompletions>());
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Retraction_WithRequeue_GoesBackToBeforeTheFirstCycleThatCountedOne(string provider)
    {
        await using var database = await PlanningDatabase.CreateAsync(provider);
        var (bad, boss) = (await database.AddUserAsync("Bad"), await database.AddUserAsync("Boss"));
        var project = await database.AddProjectAsync();

        // Cycle 1 counts nobody's, cycle 2 one of Bad's three, cycle 3 is training on none of them, and one waits.
        var clean = await database.JudgeAsync(project, 3);
        await RunCycleAsync(database, project, judge: 0);
        var beforeSecond = await database.PolicyAsync(project);
        var retracted = await database.JudgeAsync(project, 1, bad);
        var standing = await database.JudgeAsync(project, 2);
        await RunCycleAsync(database, project, judge: 0);
        await StartCycleAsync(database, project);
        retracted.AddRange(await database.JudgeAsync(project, 1, bad));
        await RetractAsync(database, retracted);
        var third = await database.LatestAsync(project);

        await RequeueAsync(database, project, bad, boss, requeue: true);

        // Five stand (two of cycle 2, three of cycle 3): the next cycle counts the oldest three of them at once.
        Assert.Equal(beforeSecond, await database.PolicyAsync(project));
        var cycles = await database.ReadAsync(db => db.Cycles.OrderBy(c => c.Number).ToListAsync(Stop));
        Assert.Equal([CycleStatuses.Completed, CycleStatuses.Completed, CycleStatuses.Halted, CycleStatuses.RewardModel], cycles.Select(c => c.Status));
        Assert.Equal(beforeSecond, cycles[3].PolicyCheckpointId);
        Assert.Equal(third.RewardRunId, Assert.Single(await database.SentAsync<CancelRun>()).RunId);
        var counted = await database.ReadAsync(db => db.Judgments.Where(j => j.CycleId == cycles[3].Id).Select(j => j.Id).ToListAsync(Stop));
        Assert.Equal(3, counted.Count);
        Assert.Superset(standing.ToHashSet(), counted.ToHashSet());
        Assert.DoesNotContain(retracted[0], counted);
        Assert.Equal(clean.Order(), await database.ReadAsync(db => db.Judgments.Where(j => j.CycleId == cycles[0].Id).Select(j => j.Id).OrderBy(i => i).ToListAsync(Stop)));
        var decision = (await database.DecisionsAsync(project)).Single(d => d.Decision == "requeue");
        Assert.Equal(boss, decision.UserId);
        Assert.Equal(
            $$"""{"annotatorId":"{{bad}}","retracted":2,"firstCycle":2,"haltedCycle":3,"freed":5,"checkpointId":"{{beforeSecond}}","fromVersion":2,"toVersion":1}""",
            decision.NumbersJson);

        // Once more changes nothing: no cycle counts any of them any more.
        await RequeueAsync(database, project, bad, boss, requeue: true);
        Assert.Equal(CycleStatuses.RewardModel, (await database.LatestAsync(project)).Status);
        Assert.Equal("retract", (await database.DecisionsAsync(project))[^1].Decision);
    }

    [Fact]
    public async Task Retraction_WithoutRequeue_OnlyLeavesANote()
    {
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var bad = await database.AddUserAsync("Bad");
        var project = await database.AddProjectAsync();
        var judgments = await database.JudgeAsync(project, 3, bad);
        await RunCycleAsync(database, project, judge: 0);
        var policy = await database.PolicyAsync(project);
        await RetractAsync(database, judgments);
        await RequeueAsync(database, project, bad, user: null, requeue: false);
        Assert.Equal(policy, await database.PolicyAsync(project));
        var decision = (await database.DecisionsAsync(project))[^1];
        Assert.Equal("retract", decision.Decision);
        Assert.Equal($$"""{"annotatorId":"{{bad}}","retracted":3,"firstCycle":1,"requeue":false}""", decision.NumbersJson);
    }

    [Fact]
    public async Task Retraction_StartingPolicyIsGone_IsRefusedAndNothingIsFreed()
    {
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var bad = await database.AddUserAsync("Bad");
        var project = await database.AddProjectAsync();
        var start = await database.PolicyAsync(project);
        var judgments = await database.JudgeAsync(project, 3, bad);
        await RunCycleAsync(database, project, judge: 0);
        await RetractAsync(database, judgments);
        await database.ReadAsync(db => db.Checkpoints.Where(c => c.Id == start).ExecuteUpdateAsync(set => set.SetProperty(c => c.FilesDeletedAt, DateTimeOffset.UtcNow), Stop));
        await RequeueAsync(database, project, bad, user: null, requeue: true);
        Assert.Equal("no-requeue", (await database.DecisionsAsync(project))[^1].Decision);
        Assert.Equal(3, await database.ReadAsync(db => db.Judgments.CountAsync(j => j.CycleId != null, Stop)));
    }

    [Fact]
    public async Task Retraction_PausedProject_GoesBackButStartsNothing()
    {
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var bad = await database.AddUserAsync("Bad");
        var project = await database.AddProjectAsync();
        var start = await database.PolicyAsync(project);
        var judgments = await database.JudgeAsync(project, 1, bad);
        await database.JudgeAsync(project, 2);
        await RunCycleAsync(database, project, judge: 0);
        await database.JudgeAsync(project, 1);
        await RetractAsync(database, judgments);
        await database.SetAsync(project, p => p.PausedAt = DateTimeOffset.UtcNow);
        await RequeueAsync(database, project, bad, user: null, requeue: true);
        Assert.Equal(start, await database.PolicyAsync(project));
        Assert.Equal(CycleStatuses.Completed, (await database.LatestAsync(project)).Status);
        Assert.Equal(3, await database.ReadAsync(db => db.Judgments.CountAsync(j => j.CycleId == null && j.RetractedAt == null, Stop)));
    }

    private static Task RollBackAsync(PlanningDatabase database, Project project, Guid checkpoint, Guid? user) =>
        database.RollBackAsync(r => r.RollBackAsync(new RollBackPolicy { ProjectId = project.Id, CheckpointId = checkpoint, UserId = user }, Stop));

    private static Task RequeueAsync(PlanningDatabase database, Project project, Guid annotator, Guid? user, bool requeue) =>
        database.RollBackAsync(r => r.RequeueAsync(new JudgmentsRetracted { ProjectId = project.Id, AnnotatorId = annotator, Requeue = requeue, UserId = user }, Stop));

    private static Task<int> RetractAsync(PlanningDatabase database, IReadOnlyCollection<Guid> judgments) => database.ReadAsync(db =>
        db.Judgments.Where(j => judgments.Contains(j.Id)).ExecuteUpdateAsync(set => set.SetProperty(j => j.RetractedAt, DateTimeOffset.UtcNow), Stop));

    private static async Task StartCycleAsync(PlanningDatabase database, Project project, int judge = 3)
    {
        await database.JudgeAsync(project, judge);
        await database.PlanAsync(p => p.ConsiderAsync(project.Id, Stop));
    }

    private static async Task RunCycleAsync(PlanningDatabase database, Project project, int judge = 3)
    {
        await StartCycleAsync(database, project, judge);
        await database.FinishAsync(project, CycleStatuses.RewardModel);
        await database.FinishAsync(project, CycleStatuses.Ppo);
        await database.FinishAsync(project, CycleStatuses.Sampling);
    }
}
