using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;
using Rlhf.Data.Lineage;
using Rlhf.TestServers;

namespace Rlhf.Data.Tests.Lineage;

public sealed class AnnotatorRetractionTests
{
    public static TheoryData<string> Providers => TestDatabase.Providers;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Retract_Annotator_TakesJudgmentsBackReopensTasksAndTaintsWhatDescends(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var fixture = await LineageFixture.CreateAsync(database);
        await using var db = database.CreateDbContext();

        var result = await AnnotatorRetraction.RetractAsync(db, fixture.Project, fixture.Ann, fixture.Cem, "clicks at random", requeue: true, Cancel);

        // Task 1 had both judgments it wants, Ann's and Bob's; now it is short of one.
        Assert.Equal(new RetractionResult(1, 1, 4), result);
        Assert.Equal([(1, "open"), (2, "done"), (1, "open")], await TasksAsync(database));
        Assert.Equal(["policy1", "policy2", "reward1", "reward2"], await TaintedAsync(database, fixture));
        var policy = await db.Checkpoints.SingleAsync(c => c.Id == fixture.Checkpoints["policy2"], Cancel);
        Assert.Equal($"The judgments of ann-{fixture.Project:N} were taken back: clicks at random", policy.TaintReason);
        var message = Assert.Single(await MessagesAsync(database));
        Assert.Equal((fixture.Project, fixture.Ann, (Guid?)fixture.Cem, true), (message.ProjectId, message.AnnotatorId, message.UserId, message.Requeue));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Retract_Twice_ChangesNothingMore(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var fixture = await LineageFixture.CreateAsync(database);
        await using (var db = database.CreateDbContext())
        {
            await AnnotatorRetraction.RetractAsync(db, fixture.Project, fixture.Bob, null, "first", requeue: false, Cancel);
        }

        var tasks = await TasksAsync(database);
        await using var again = database.CreateDbContext();
        Assert.Equal(new RetractionResult(0, 0, 0), await AnnotatorRetraction.RetractAsync(again, fixture.Project, fixture.Bob, null, "second", requeue: true, Cancel));

        Assert.Equal(tasks, await TasksAsync(database));
        Assert.Single(await MessagesAsync(database));
        Assert.All(await again.Checkpoints.Where(c => c.TaintedAt != null).ToListAsync(Cancel), c => Assert.EndsWith("first", c.TaintReason, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Retract_ManyAtOnce_CountsOnce(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var fixture = await LineageFixture.CreateAsync(database);

        var results = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            await using var db = database.CreateDbContext();
            return await AnnotatorRetraction.RetractAsync(db, fixture.Project, fixture.Bob, null, "r", requeue: false, Cancel);
        })));

        Assert.Equal(2, results.Sum(r => r.Judgments));
        Assert.Equal([(1, "open"), (1, "open"), (1, "open")], await TasksAsync(database));
        Assert.Single(await MessagesAsync(database));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Judgment_AfterARetraction_CountsAsAnyOther(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var fixture = await LineageFixture.CreateAsync(database);
        await using var db = database.CreateDbContext();
        await AnnotatorRetraction.RetractAsync(db, fixture.Project, fixture.Ann, null, "r", requeue: false, Cancel);

        await fixture.AddJudgmentAsync("ann again", fixture.Ann, task: 1);

        Assert.Equal((2, "done"), (await TasksAsync(database))[0]);
        Assert.Null((await db.Judgments.SingleAsync(j => j.Id == fixture.Judgments["ann again"], Cancel)).RetractedAt);
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Retract_InATransactionThatIsRolledBack_LeavesNothing(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var fixture = await LineageFixture.CreateAsync(database);
        await using (var db = database.CreateDbContext())
        {
            await using var transaction = await db.Database.BeginTransactionAsync(Cancel);
            Assert.Equal(1, (await AnnotatorRetraction.RetractAsync(db, fixture.Project, fixture.Ann, null, "r", requeue: false, Cancel)).Judgments);
        }

        Assert.Equal([(2, "done"), (2, "done"), (1, "open")], await TasksAsync(database));
        Assert.Empty(await TaintedAsync(database, fixture));
        Assert.Empty(await MessagesAsync(database));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Taint_OfARun_IsThatOfItsOriginsOrOfJudgmentsTakenBackMeanwhile(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var fixture = await LineageFixture.CreateAsync(database);
        await fixture.AddJudgmentAsync("cem2", fixture.Cem, task: 1);
        await fixture.AddRunAsync("onTaintedPolicy", RunKinds.RewardModel, "policy1", null, "cem2");
        await fixture.AddRunAsync("onTaintedReward", RunKinds.Ppo, "base", "reward1");
        await fixture.AddRunAsync("onTakenBack", RunKinds.RewardModel, "base", null, "ann1", "bob1");
        await fixture.AddRunAsync("clean", RunKinds.RewardModel, "base", null, "bob1", "cem2");
        await using var db = database.CreateDbContext();
        foreach (var run in await db.Runs.ToListAsync(Cancel))
        {
            Assert.Null(CheckpointTaint.Find(db, run));
        }

        await AnnotatorRetraction.RetractAsync(db, fixture.Project, fixture.Ann, null, "r", requeue: false, Cancel);

        async Task<string?> FindAsync(string run)
        {
            var id = fixture.Runs[run];
            return CheckpointTaint.Find(db, await db.Runs.SingleAsync(r => r.Id == id, Cancel));
        }

        var reason = $"The judgments of ann-{fixture.Project:N} were taken back: r";
        Assert.Equal(reason, await FindAsync("onTaintedPolicy"));
        Assert.Equal(reason, await FindAsync("onTaintedReward"));
        Assert.Equal("1 of the judgments it was trained on were taken back while it trained.", await FindAsync("onTakenBack"));
        Assert.Null(await FindAsync("clean"));
    }

    private static async Task<List<(int Count, string Status)>> TasksAsync(TestDatabase database)
    {
        await using var db = database.CreateDbContext();
        return [.. (await db.ComparisonTasks.AsNoTracking().OrderBy(t => t.Sequence).ToListAsync(Cancel)).Select(t => (t.JudgmentCount, t.Status))];
    }

    private static async Task<string[]> TaintedAsync(TestDatabase database, LineageFixture fixture)
    {
        await using var db = database.CreateDbContext();
        return fixture.Names(await db.Checkpoints.Where(c => c.TaintedAt != null).Select(c => c.Id).ToListAsync(Cancel));
    }

    private static async Task<List<JudgmentsRetracted>> MessagesAsync(TestDatabase database)
    {
        await using var db = database.CreateDbContext();
        var name = MessageTypes.NameOf(typeof(JudgmentsRetracted));
        return [.. (await db.Outbox.Where(m => m.Type == name).ToListAsync(Cancel)).Select(m => (JudgmentsRetracted)MessageJson.Deserialize(m.Body, typeof(JudgmentsRetracted)))];
    }
}
