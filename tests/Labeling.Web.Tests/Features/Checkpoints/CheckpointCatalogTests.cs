using Labeling.Web.Features.Annotators;
using Labeling.Web.Features.Checkpoints;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Labeling.Web.Tests.Features.Checkpoints;

/// <summary>A base policy, a reward model trained on two people's judgments, and the policy trained against it.</summary>
public sealed class CheckpointCatalogTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task List_ShowsParentsRunsAndWhichIsServed()
    {
        using var database = new LabelingDatabase();
        var graph = await GraphAsync(database);
        var rows = await Catalog(database).ListAsync(database.Project.Id, Stop);
        Assert.Equal([graph.Policy, graph.Reward, graph.Base], rows.Select(r => r.Checkpoint.Id));
        Assert.Equal([(0, RunKinds.Ppo, true), (0, RunKinds.RewardModel, false), ((int?)null, null, false)], rows.Select(r => (r.ParentVersion, r.RunKind, r.IsPolicy)));
    }

    [Fact]
    public async Task Find_TellsWhereItCameFromAndWhatItBecame_ButNotToAnotherProject()
    {
        using var database = new LabelingDatabase();
        var graph = await GraphAsync(database);
        var policy = (await Catalog(database).FindAsync(database.Project.Id, graph.Policy, Stop))!;
        Assert.Equivalent(new[] { graph.Base, graph.Reward }, policy.Ancestors.Select(a => a.Checkpoint.Id), strict: true);
        Assert.Empty(policy.Descendants);
        Assert.Equal([2, 1], policy.Contributors.Select(c => c.Judgments));
        var first = (await Catalog(database).FindAsync(database.Project.Id, graph.Base, Stop))!;
        Assert.Equivalent(new[] { graph.Reward, graph.Policy }, first.Descendants.Select(d => d.Checkpoint.Id), strict: true);
        Assert.Null(await Catalog(database).FindAsync(Guid.NewGuid(), graph.Policy, Stop));
    }

    [Fact]
    public async Task Pin_AndUnpin_OnlyInItsProject()
    {
        using var database = new LabelingDatabase();
        var graph = await GraphAsync(database);
        var catalog = Catalog(database);
        await catalog.SetPinnedAsync(Guid.NewGuid(), graph.Base, pinned: true, Stop);
        Assert.Null(Row(database, graph.Base).PinnedAt);
        await catalog.SetPinnedAsync(database.Project.Id, graph.Base, pinned: true, Stop);
        var since = Row(database, graph.Base).PinnedAt;
        database.Time.Advance(TimeSpan.FromHours(1));
        await catalog.SetPinnedAsync(database.Project.Id, graph.Base, pinned: true, Stop);
        Assert.Equal(since, Row(database, graph.Base).PinnedAt);
        await catalog.SetPinnedAsync(database.Project.Id, graph.Base, pinned: false, Stop);
        Assert.Null(Row(database, graph.Base).PinnedAt);
    }

    [Fact]
    public async Task Retire_NotThePolicyNorWhatARunNeeds_OnceWithItsMessage()
    {
        using var database = new LabelingDatabase();
        var graph = await GraphAsync(database);
        var catalog = Catalog(database);
        Assert.Contains("policy of its project", await catalog.RetireAsync(database.Project.Id, graph.Policy, Stop), StringComparison.Ordinal);
        await using (var db = database.CreateDbContext())
        {
            db.Runs.Add(new Run { ProjectId = database.Project.Id, Kind = RunKinds.Sample, CommandId = Guid.CreateVersion7(), PolicyCheckpointId = graph.Base });
            await db.SaveChangesAsync(Stop);
        }

        Assert.Contains("needs it", await catalog.RetireAsync(database.Project.Id, graph.Base, Stop), StringComparison.Ordinal);
        Assert.Null(await catalog.RetireAsync(database.Project.Id, graph.Reward, Stop));
        Assert.Null(await catalog.RetireAsync(database.Project.Id, graph.Reward, Stop));
        Assert.NotNull(Row(database, graph.Reward).RetiredAt);
        Assert.Equal(1, database.Read(db => db.Outbox.Count(m => m.Type == "training.checkpoint-retired")));
    }

    [Fact]
    public async Task Annotators_PreviewSaysWhatRetractingDoes()
    {
        using var database = new LabelingDatabase();
        var graph = await GraphAsync(database);
        var catalog = new AnnotatorCatalog(database, database.Projects);
        var rows = await catalog.ListAsync(database.Project.Id, Stop);
        Assert.Equal([(graph.Busy, 2, 2, 1, 0), (graph.Other, 1, 1, 0, 0)], rows.Select(r => (r.AnnotatorId, r.Standing, r.Counted, r.Ties, r.Retracted)));

        var preview = await catalog.PreviewAsync(database.Project.Id, graph.Busy, Stop);
        Assert.Equal((2, 1), (preview.Judgments, preview.FirstCycle));
        Assert.Equal([graph.Policy, graph.Reward], preview.Checkpoints.Select(c => c.Id));

        var result = await catalog.RetractAsync(database.Project.Id, graph.Busy, graph.Other, "guesses", requeue: true, Stop);
        Assert.Equal((2, 2, 2), (result.Judgments, result.ReopenedTasks, result.TaintedCheckpoints));
        Assert.NotNull(Row(database, graph.Policy).TaintedAt);
        Assert.Null(Row(database, graph.Base).TaintedAt);
        Assert.Contains("\"requeue\":true", database.Read(db => db.Outbox.Single(m => m.Type == "labeling.judgments-retracted").Body), StringComparison.Ordinal);
        Assert.Equal((0, 2), (await catalog.ListAsync(database.Project.Id, Stop)).Where(r => r.AnnotatorId == graph.Busy).Select(r => (r.Standing, r.Retracted)).Single());
    }

    private static CheckpointCatalog Catalog(LabelingDatabase database) => new(database, database.Projects, database.Time);

    private static Checkpoint Row(LabelingDatabase database, Guid id) => database.Read(db => db.Checkpoints.Single(c => c.Id == id));

    private static async Task<(Guid Base, Guid Reward, Guid Policy, Guid Busy, Guid Other)> GraphAsync(LabelingDatabase database)
    {
        var (busy, other, tasks) = (database.AddAnnotator(), database.AddAnnotator(), database.AddTasks(3));
        await using var db = database.CreateDbContext();
        var start = NewCheckpoint(CheckpointKinds.Policy, 0, parent: null, run: null);
        var cycle = new Cycle { ProjectId = database.Project.Id, Number = 1, Status = CycleStatuses.Completed };
        var rewardRun = NewRun(RunKinds.RewardModel, reward: null);
        var reward = NewCheckpoint(CheckpointKinds.RewardModel, 0, start.Id, rewardRun.Id);
        var ppoRun = NewRun(RunKinds.Ppo, reward.Id);
        var policy = NewCheckpoint(CheckpointKinds.Policy, 1, start.Id, ppoRun.Id);
        db.AddRange(start, cycle, rewardRun, reward, ppoRun, policy);
        Guid[] people = [busy, busy, other];
        for (var i = 0; i < people.Length; i++)
        {
            var judgment = new Judgment
            {
                TaskId = tasks[i], ProjectId = database.Project.Id, AnnotatorId = people[i], Choice = i == 0 ? Choices.Tie : Choices.A, CycleId = cycle.Id, CreatedAt = database.Time.GetUtcNow(),
            };
            db.Add(judgment);
            db.RunJudgments.Add(new RunJudgment { RunId = rewardRun.Id, JudgmentId = judgment.Id });
            var task = await db.ComparisonTasks.FindAsync([tasks[i]], Stop);
            (task!.Status, task.JudgmentCount) = (ComparisonTaskStatuses.Done, 1);
        }

        await db.SaveChangesAsync(Stop);
        var project = await db.Projects.FindAsync([database.Project.Id], Stop);
        project!.PolicyCheckpointId = policy.Id;
        await db.SaveChangesAsync(Stop);
        return (start.Id, reward.Id, policy.Id, busy, other);

        Checkpoint NewCheckpoint(string kind, int version, Guid? parent, Guid? run)
        {
            // One after another, as they are published.
            database.Time.Advance(TimeSpan.FromMinutes(1));
            return new Checkpoint
            {
                ProjectId = database.Project.Id, Kind = kind, Version = version, Path = $"{kind}{version}", ContentHash = $"{kind}{version}", ParentId = parent, RunId = run,
                CreatedAt = database.Time.GetUtcNow(),
            };
        }

        Run NewRun(string kind, Guid? reward) => new()
        {
            ProjectId = database.Project.Id,
            CycleId = cycle.Id,
            Kind = kind,
            CommandId = Guid.CreateVersion7(),
            Status = RunStatuses.Completed,
            PolicyCheckpointId = start.Id,
            RewardCheckpointId = reward,
        };
    }
}
