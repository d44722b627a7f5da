using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.TestServers;
using Trainer.Service.Cycles;

namespace Trainer.Service.Tests.Cycles;

/// <summary>Projects in a database and a planner that is called as its consumers call it: one transaction each. Nothing runs by itself; messages stay in the outbox.</summary>
internal sealed class PlanningDatabase : IAsyncDisposable
{
    private readonly TestDatabase _database;

    private PlanningDatabase(TestDatabase database) => _database = database;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static async Task<PlanningDatabase> CreateAsync(string provider) => new(await TestDatabase.CreateAsync(provider));

    public AppDbContext Db() => _database.CreateDbContext();

    public async Task<T> ReadAsync<T>(Func<AppDbContext, Task<T>> read)
    {
        await using var db = Db();
        return await read(db);
    }

    /// <summary>A project with a policy v0, prompts, and cycles of three judgments.</summary>
    public async Task<Project> AddProjectAsync(string slug = "test", Action<Project>? change = null)
    {
        await using var db = Db();
        var project = new Project
        {
            Name = slug,
            Slug = slug,
            JudgmentsPerCycle = 3,
            PromptsPerCycle = 5,
            RewardAccuracyGate = 0.6,
            Seed = 7,
            CreatedAt = DateTimeOffset.UtcNow,
        };
        change?.Invoke(project);
        db.Projects.Add(project);
        db.Prompts.Add(new Prompt { ProjectId = project.Id, Text = "first", ContentHash = "first", Sequence = -1 });
        await db.SaveChangesAsync(Stop);
        var policy = new Checkpoint { ProjectId = project.Id, Kind = CheckpointKinds.Policy, Path = $"{slug}-0", ContentHash = "0" };
        db.Checkpoints.Add(policy);
        await db.SaveChangesAsync(Stop);
        project.PolicyCheckpointId = policy.Id;
        await db.SaveChangesAsync(Stop);
        return project;
    }

    public async Task<Guid> AddUserAsync(string name)
    {
        await using var db = Db();
        var user = new AppUser { UserName = name, NormalizedUserName = name.ToUpperInvariant(), DisplayName = name };
        db.Users.Add(user);
        await db.SaveChangesAsync(Stop);
        return user.Id;
    }

    /// <summary>So many judged comparisons.</summary>
    public async Task<List<Guid>> JudgeAsync(Project project, int count, Guid? annotator = null)
    {
        await using var db = Db();
        var judgments = new List<Guid>();
        var first = await db.ComparisonTasks.CountAsync(t => t.ProjectId == project.Id, Stop);
        for (var i = first; i < first + count; i++)
        {
            var prompt = new Prompt { ProjectId = project.Id, Text = $"prompt {i}", ContentHash = $"{i}", Sequence = i };
            var a = new Completion { PromptId = prompt.Id, Text = "a" };
            var b = new Completion { PromptId = prompt.Id, Text = "b" };
            var task = new ComparisonTask
            {
                ProjectId = project.Id, PromptId = prompt.Id, CompletionAId = a.Id, CompletionBId = b.Id, Sequence = i, Status = ComparisonTaskStatuses.Done, JudgmentCount = 1,
            };
            var judgment = new Judgment { TaskId = task.Id, ProjectId = project.Id, Choice = Choices.A, AnnotatorId = annotator, CreatedAt = DateTimeOffset.UtcNow };
            db.AddRange(prompt, a, b, task, judgment);
            judgments.Add(judgment.Id);
        }

        await db.SaveChangesAsync(Stop);
        return judgments;
    }

    public Task SetAsync(Project project, Action<Project> change) => InTransactionAsync(async db => change(await db.Projects.SingleAsync(p => p.Id == project.Id, Stop)));

    public Task PlanAsync(Func<CyclePlanner, Task> act) => InTransactionAsync(db => act(new CyclePlanner(db, TimeProvider.System)));

    public Task RollBackAsync(Func<PolicyRollback, Task> act) =>
        InTransactionAsync(db => act(new PolicyRollback(db, new CyclePlanner(db, TimeProvider.System), TimeProvider.System)));

    public Task StepAsync(Project project, Guid? user = null) =>
        PlanAsync(p => p.AdvanceAsync(new AdvanceCycle { ProjectId = project.Id, Step = true, UserId = user }, Stop));

    public Task ResumeAsync(Project project, Guid? user = null) =>
        PlanAsync(p => p.AdvanceAsync(new AdvanceCycle { ProjectId = project.Id, UserId = user }, Stop));

    /// <summary>The sweep, some time after everything that has happened so far.</summary>
    public Task ReconcileAsync(Project project, TimeSpan? later = null) => InTransactionAsync(db =>
        new CycleReconciler(db, new CyclePlanner(db, TimeProvider.System), TimeProvider.System)
            .ReconcileAsync(project.Id, DateTimeOffset.UtcNow + (later ?? TimeSpan.FromMinutes(1)), Stop));

    /// <summary>What a worker does: the run of the cycle's stage ends, with a checkpoint and metrics if it completes.</summary>
    public Task<Guid?> EndRunAsync(Project project, string stage, string status = RunStatuses.Completed, params (string Name, double Value)[] metrics) =>
        InTransactionAsync(async db =>
        {
            var cycle = await db.Cycles.OrderByDescending(c => c.Number).FirstAsync(c => c.ProjectId == project.Id, Stop);
            var runId = StageCommands.RunOf(cycle, stage)!.Value;
            var run = await db.Runs.SingleOrDefaultAsync(r => r.Id == runId, Stop);
            if (run is null)
            {
                run = new Run { Id = runId, CommandId = runId, ProjectId = project.Id, CycleId = cycle.Id, Kind = KindOf(stage), CreatedAt = DateTimeOffset.UtcNow };
                db.Runs.Add(run);
            }

            (run.Status, run.FinishedAt) = (status, DateTimeOffset.UtcNow);
            run.Error = status == RunStatuses.Failed ? "disk full\nat somewhere" : null;
            if (status == RunStatuses.Completed && stage != CycleStatuses.Sampling)
            {
                var kind = stage == CycleStatuses.Ppo ? CheckpointKinds.Policy : CheckpointKinds.RewardModel;
                var version = await db.Checkpoints.CountAsync(c => c.ProjectId == project.Id && c.Kind == kind, Stop);
                var checkpoint = new Checkpoint { ProjectId = project.Id, Kind = kind, Version = version, Path = $"{runId}", ContentHash = $"{runId:N}" };
                db.Checkpoints.Add(checkpoint);
                run.OutputCheckpointId = checkpoint.Id;
            }

            db.Metrics.AddRange(metrics.Select(m => new MetricPoint { RunId = runId, Step = 1, Name = m.Name, Value = m.Value }));
            return run.OutputCheckpointId;
        });

    /// <summary>The run ends and the planner hears of it.</summary>
    public async Task<Guid?> FinishAsync(Project project, string stage, string status = RunStatuses.Completed, params (string Name, double Value)[] metrics)
    {
        var output = await EndRunAsync(project, stage, status, metrics);
        await MoveAsync(project);
        return output;
    }

    public async Task MoveAsync(Project project)
    {
        var cycle = await LatestAsync(project);
        await PlanAsync(p => p.MoveAsync(cycle.Id, Stop));
    }

    public Task<Cycle> LatestAsync(Project project) =>
        ReadAsync(db => db.Cycles.AsNoTracking().OrderByDescending(c => c.Number).FirstAsync(c => c.ProjectId == project.Id, Stop));

    /// <summary>The policy of the project as it stands.</summary>
    public Task<Guid?> PolicyAsync(Project project) => ReadAsync(db => db.Projects.Where(p => p.Id == project.Id).Select(p => p.PolicyCheckpointId).SingleAsync(Stop));

    /// <summary>The decisions about a project, oldest first.</summary>
    public Task<List<CycleDecision>> DecisionsAsync(Project project) =>
        ReadAsync(db => db.CycleDecisions.AsNoTracking().Where(d => d.ProjectId == project.Id).OrderBy(d => d.CreatedAt).ToListAsync(Stop));

    /// <summary>The messages of a type in the outbox, oldest first.</summary>
    public async Task<List<T>> SentAsync<T>()
    {
        var name = MessageTypes.NameOf(typeof(T));
        var bodies = await ReadAsync(db => db.Outbox.Where(m => m.Type == name).OrderBy(m => m.Id).Select(m => m.Body).ToListAsync(Stop));
        return [.. bodies.Select(b => (T)MessageJson.Deserialize(b, typeof(T)))];
    }

    /// <summary>The messages are lost for good.</summary>
    public Task LoseMessagesAsync() => ReadAsync(db => db.Outbox.ExecuteDeleteAsync(Stop));

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    private static string KindOf(string stage) =>
        stage switch { CycleStatuses.RewardModel => RunKinds.RewardModel, CycleStatuses.Ppo => RunKinds.Ppo, _ => RunKinds.Sample };

    private Task<bool> InTransactionAsync(Func<AppDbContext, Task> act) => InTransactionAsync(async db =>
    {
        await act(db);
        return true;
    });

    private async Task<T> InTransactionAsync<T>(Func<AppDbContext, Task<T>> act)
    {
        await using var db = Db();
        await using var transaction = await db.Database.BeginTransactionAsync(Stop);
        var result = await act(db);
        await db.SaveChangesAsync(Stop);
        await transaction.CommitAsync(Stop);
        return result;
    }
}
