using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;
using Rlhf.TestServers;

namespace Rlhf.Data.Tests.Lineage;

/// <summary>
/// A project of two cycles, made by hand:
/// <code>
/// base ──┬─ rewardRun1 (Ann 1, Bob 1) ─ reward1 ─┐
///        └────────────────────────── policyRun1 ─┴─ policy1 ──┬─ rewardRun2 (Bob 2, imported) ─ reward2 ─┐
///                                                             └────────────────────────── policyRun2 ────┴─ policy2
/// base ──── rewardRun3 (Cem 1) ─ reward3                          (a run of its own, without Ann and Bob)
/// </code>
/// Each annotator's judgment n is of task n; a task wants two judgments.
/// </summary>
internal sealed class LineageFixture
{
    private readonly TestDatabase _database;

    private LineageFixture(TestDatabase database) => _database = database;

    public Guid Project { get; private set; }

    public Guid Ann { get; private set; }

    public Guid Bob { get; private set; }

    public Guid Cem { get; private set; }

    public Guid Prompt { get; private set; }

    public Dictionary<string, Guid> Checkpoints { get; } = [];

    public Dictionary<string, Guid> Runs { get; } = [];

    public Dictionary<string, Guid> Judgments { get; } = [];

    public List<Guid> Tasks { get; } = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static async Task<LineageFixture> CreateAsync(TestDatabase database)
    {
        var fixture = new LineageFixture(database) { Project = (await database.AddProjectAsync()).Id };
        await using var db = database.CreateDbContext();
        await db.Projects.ExecuteUpdateAsync(set => set.SetProperty(p => p.JudgmentsPerTask, 2), Cancel);
        fixture.Ann = fixture.AddUser(db, "ann");
        fixture.Bob = fixture.AddUser(db, "bob");
        fixture.Cem = fixture.AddUser(db, "cem");
        await db.SaveChangesAsync(Cancel);
        await fixture.AddCheckpointAsync("base", CheckpointKinds.Policy, run: null, parent: null);
        await fixture.AddTasksAsync(3);
        await fixture.AddJudgmentAsync("ann1", fixture.Ann, task: 1);
        await fixture.AddJudgmentAsync("bob1", fixture.Bob, task: 1);
        await fixture.AddJudgmentAsync("bob2", fixture.Bob, task: 2);
        await fixture.AddJudgmentAsync("imported", null, task: 2);
        await fixture.AddJudgmentAsync("cem1", fixture.Cem, task: 3);
        await fixture.AddRunAsync("rewardRun1", RunKinds.RewardModel, policy: "base", reward: null, "ann1", "bob1");
        await fixture.AddCheckpointAsync("reward1", CheckpointKinds.RewardModel, "rewardRun1", "base");
        await fixture.AddRunAsync("policyRun1", RunKinds.Ppo, "base", "reward1");
        await fixture.AddCheckpointAsync("policy1", CheckpointKinds.Policy, "policyRun1", "base");
        await fixture.AddRunAsync("rewardRun2", RunKinds.RewardModel, "policy1", null, "bob2", "imported");
        await fixture.AddCheckpointAsync("reward2", CheckpointKinds.RewardModel, "rewardRun2", "policy1");
        await fixture.AddRunAsync("policyRun2", RunKinds.Ppo, "policy1", "reward2");
        await fixture.AddCheckpointAsync("policy2", CheckpointKinds.Policy, "policyRun2", "policy1");
        await fixture.AddRunAsync("rewardRun3", RunKinds.RewardModel, "base", null, "cem1");
        await fixture.AddCheckpointAsync("reward3", CheckpointKinds.RewardModel, "rewardRun3", "base");
        return fixture;
    }

    /// <summary>The names of checkpoints, in alphabetical order.</summary>
    public string[] Names(IEnumerable<Guid> checkpoints) => [.. checkpoints.Select(id => Checkpoints.Single(c => c.Value == id).Key).Order(StringComparer.Ordinal)];

    public async Task AddRunAsync(string name, string kind, string policy, string? reward, params string[] judgments)
    {
        await using var db = _database.CreateDbContext();
        var run = new Run
        {
            ProjectId = Project,
            Kind = kind,
            CommandId = Guid.CreateVersion7(),
            PolicyCheckpointId = Checkpoints[policy],
            RewardCheckpointId = reward is null ? null : Checkpoints[reward],
            CreatedAt = DateTimeOffset.UtcNow,
        };
        db.Runs.Add(run);
        db.RunJudgments.AddRange(judgments.Select(j => new RunJudgment { RunId = run.Id, JudgmentId = Judgments[j] }));
        await db.SaveChangesAsync(Cancel);
        Runs[name] = run.Id;
    }

    public async Task AddJudgmentAsync(string name, Guid? annotator, int task)
    {
        await using var db = _database.CreateDbContext();
        var judgment = new Judgment { TaskId = Tasks[task - 1], ProjectId = Project, AnnotatorId = annotator, Choice = Choices.A, CreatedAt = DateTimeOffset.UtcNow };
        db.Judgments.Add(judgment);
        await db.SaveChangesAsync(Cancel);
        var id = Tasks[task - 1];
        await db.ComparisonTasks.Where(t => t.Id == id).ExecuteUpdateAsync(set => set.SetProperty(t => t.JudgmentCount, t => t.JudgmentCount + 1), Cancel);
        await db.ComparisonTasks.Where(t => t.Id == id && t.JudgmentCount >= 2).ExecuteUpdateAsync(set => set.SetProperty(t => t.Status, ComparisonTaskStatuses.Done), Cancel);
        Judgments[name] = judgment.Id;
    }

    private async Task AddCheckpointAsync(string name, string kind, string? run, string? parent)
    {
        await using var db = _database.CreateDbContext();
        var checkpoint = new Checkpoint
        {
            ProjectId = Project,
            Kind = kind,
            Version = Checkpoints.Count,
            Path = name,
            ContentHash = name,
            RunId = run is null ? null : Runs[run],
            ParentId = parent is null ? null : Checkpoints[parent],
            CreatedAt = DateTimeOffset.UtcNow,
        };
        db.Checkpoints.Add(checkpoint);
        await db.SaveChangesAsync(Cancel);
        Checkpoints[name] = checkpoint.Id;
    }

    private async Task AddTasksAsync(int count)
    {
        await using var db = _database.CreateDbContext();
        var prompt = new Prompt { ProjectId = Project, Text = "p", ContentHash = "p" };
        db.Prompts.Add(prompt);
        await db.SaveChangesAsync(Cancel);
        Prompt = prompt.Id;
        for (var i = 0; i < count; i++)
        {
            var a = new Completion { PromptId = prompt.Id, CheckpointId = Checkpoints["base"], Text = "a", FinishReason = "stop" };
            var b = new Completion { PromptId = prompt.Id, CheckpointId = Checkpoints["base"], Text = "b", FinishReason = "stop" };
            var task = new ComparisonTask { ProjectId = Project, PromptId = prompt.Id, CompletionAId = a.Id, CompletionBId = b.Id, Sequence = i };
            db.AddRange(a, b, task);
            await db.SaveChangesAsync(Cancel);
            Tasks.Add(task.Id);
        }
    }

    private Guid AddUser(AppDbContext db, string name)
    {
        var user = new AppUser { UserName = $"{name}-{Project:N}", NormalizedUserName = $"{name}-{Project:N}".ToUpperInvariant() };
        db.Users.Add(user);
        return user.Id;
    }
}
