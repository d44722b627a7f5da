using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;
using Rlhf.Numerics;
using Rlhf.Training.Publishing;

namespace Rlhf.Training.Tests.Publishing;

/// <summary>Over random graphs: what is needed never goes, what nobody needs goes, and every reason is true.</summary>
public sealed class RetentionFactsTests
{
    private static readonly DateTimeOffset s_now = new(2025, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Decide_RandomGraphs_NeverRemovesWhatIsNeeded()
    {
        var (removed, kept) = (0, 0);
        for (var seed = 0UL; seed < 500; seed++)
        {
            var random = new Philox(seed);
            var options = new CheckpointOptions { KeepLast = 1 + random.Next(3), KeepDays = 1 + random.Next(20) };
            var facts = Graph(random);

            var decisions = facts.Decide(options, s_now);

            Assert.Equal(facts.Checkpoints.Count, decisions.Count);
            var going = decisions.Where(d => d.Removes).Select(d => d.Checkpoint).ToList();
            var staying = decisions.Where(d => !d.Removes).Select(d => d.Checkpoint).ToList();
            Assert.All(going, c => Assert.False(IsNeeded(facts, options, c), $"seed {seed}: a needed checkpoint goes"));
            Assert.Empty(going.Select(c => c.Path).Intersect(staying.Select(c => c.Path)));
            Assert.All(staying, c => Assert.True(facts.Checkpoints.Any(o => o.Path == c.Path && IsNeeded(facts, options, o)), $"seed {seed}: a checkpoint stays that nobody needs"));
            removed += going.Count;
            kept += staying.Count;
        }

        // The graphs try both.
        Assert.True(removed > 100 && kept > 100, $"{removed} removed, {kept} kept");
    }

    [Fact]
    public void Decide_SharedFiles_StayForWhoNeedsThemAndSayFor()
    {
        var project = new Project { Name = "p", Slug = "p" };
        var old = Checkpoint(project, CheckpointKinds.Policy, 0, "same", daysAgo: 100);
        var served = Checkpoint(project, CheckpointKinds.Policy, 1, "same", daysAgo: 90);
        var newest = Checkpoint(project, CheckpointKinds.Policy, 2, "other", daysAgo: 80);
        project.PolicyCheckpointId = served.Id;

        var decisions = new RetentionFacts([old, served, newest], [project], [], []).Decide(new CheckpointOptions { KeepLast = 1, KeepDays = 1 }, s_now);

        Assert.Equal(
            [$"checkpoint {served.Id} has the same files", "project 'p' serves it", "it is one of the newest 1 of its kind"],
            decisions.SelectMany(d => d.KeptBecause));
    }

    [Fact]
    public void Decide_BaselineOfAnEvaluationThatWaits_StaysAndSaysWhy()
    {
        var project = new Project { Name = "p", Slug = "p" };
        var baseline = Checkpoint(project, CheckpointKinds.Policy, 0, "old", daysAgo: 100);
        var newest = Checkpoint(project, CheckpointKinds.Policy, 1, "new", daysAgo: 90);
        var run = new Run { ProjectId = project.Id, Kind = RunKinds.Eval, CommandId = Guid.CreateVersion7(), Status = RunStatuses.Queued, BaselineCheckpointId = baseline.Id };
        var options = new CheckpointOptions { KeepLast = 1, KeepDays = 1 };

        var decision = new RetentionFacts([baseline, newest], [project], [run], []).Decide(options, s_now)[0];

        Assert.Equal([$"queued run {run.Id} compares with it"], decision.KeptBecause);
        Assert.True(new RetentionFacts([baseline, newest], [project], [], []).Decide(options, s_now)[0].Removes);
    }

    // Written from the rules, one checkpoint at a time, without what the code under test does in sets.
    private static bool IsNeeded(RetentionFacts facts, CheckpointOptions options, Checkpoint checkpoint) =>
        facts.Projects.Any(p => p.PolicyCheckpointId == checkpoint.Id)
        || facts.Runs.Any(r => r.PolicyCheckpointId == checkpoint.Id || r.RewardCheckpointId == checkpoint.Id || r.BaselineCheckpointId == checkpoint.Id || r.OutputCheckpointId == checkpoint.Id)
        || facts.Cycles.Any(c => c.PolicyCheckpointId == checkpoint.Id)
        || checkpoint.PinnedAt is not null
        || (s_now - checkpoint.CreatedAt).TotalDays < options.KeepDays
        || facts.Checkpoints.Count(o => o.ProjectId == checkpoint.ProjectId && o.Kind == checkpoint.Kind && o.Version > checkpoint.Version) < options.KeepLast;

    private static RetentionFacts Graph(Philox random)
    {
        var projects = Enumerable.Range(0, 1 + random.Next(3)).Select(i => new Project { Name = $"p{i}", Slug = $"p{i}" }).ToList();
        List<Checkpoint> checkpoints = [];
        foreach (var project in projects)
        {
            foreach (var kind in CheckpointKinds.All)
            {
                for (var version = random.Next(8) - 1; version >= 0; version--)
                {
                    var checkpoint = Checkpoint(project, kind, version, $"content {random.Next(12)}", random.Next(40));
                    checkpoint.PinnedAt = random.Chance(0.1) ? s_now : null;
                    checkpoints.Add(checkpoint);
                }
            }
        }

        Guid? Any() => checkpoints.Count == 0 || random.Chance(0.3) ? null : random.Choose(checkpoints).Id;
        foreach (var project in projects)
        {
            project.PolicyCheckpointId = Any();
        }

        var runs = Enumerable.Range(0, random.Next(4)).Select(_ => new Run
        {
            ProjectId = random.Choose(projects).Id,
            Kind = RunKinds.Ppo,
            CommandId = Guid.CreateVersion7(),
            Status = random.Choose(RunStatuses.All),
            PolicyCheckpointId = Any(),
            RewardCheckpointId = Any(),
            BaselineCheckpointId = Any(),
            OutputCheckpointId = Any(),
        }).ToList();
        var cycles = Enumerable.Range(0, random.Next(2)).Select(_ => new Cycle { ProjectId = random.Choose(projects).Id, PolicyCheckpointId = Any() }).ToList();
        return new RetentionFacts(checkpoints, projects, runs, cycles);
    }

    private static Checkpoint Checkpoint(Project project, string kind, int version, string content, int daysAgo) => new()
    {
        ProjectId = project.Id,
        Kind = kind,
        Version = version,
        Path = content,
        ContentHash = content,
        CreatedAt = s_now.AddDays(-daysAgo),
    };
}
