using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Sampling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Trainer.Service.Cycles;

/// <summary>
/// Decides what a project does next: judgments → reward model → PPO → new answers. It only writes rows and outgoing messages into
/// the caller's context, which saves them in one transaction; every decision is a <see cref="CycleDecision"/> with its numbers.
/// </summary>
public sealed class CyclePlanner(AppDbContext db, TimeProvider clock)
{
    /// <summary>A project with a policy and prompts but without a single answer gets its first ones.</summary>
    public async Task BootstrapAsync(Guid projectId, CancellationToken stop)
    {
        var project = await db.Projects.SingleAsync(p => p.Id == projectId, stop);
        if (!project.AutoCycle || project.PolicyCheckpointId is null || await db.Runs.AnyAsync(r => r.ProjectId == projectId && r.Kind == RunKinds.Sample, stop))
        {
            return;
        }

        Sample(project, cycle: null, project.PolicyCheckpointId.Value, number: 0);
    }

    /// <summary>Opens a cycle over the oldest unused judgments once there are enough of them.</summary>
    /// <remarks>
    /// A cycle takes exactly <see cref="Project.JudgmentsPerCycle"/> judgments, in the order of their tasks: the same judgments give
    /// the same cycle however the messages about them were timed.
    /// </remarks>
    public async Task ConsiderAsync(Guid projectId, CancellationToken stop)
    {
        var project = await db.Projects.SingleAsync(p => p.Id == projectId, stop);
        if (!project.AutoCycle || project.PolicyCheckpointId is null || await db.Cycles.AnyAsync(c => c.ProjectId == projectId && CycleStatuses.Unfinished.Contains(c.Status), stop))
        {
            return;
        }

        var unused = db.Judgments.Where(j => j.ProjectId == projectId && j.CycleId == null && j.RetractedAt == null);
        var available = await unused.CountAsync(stop);
        if (available < project.JudgmentsPerCycle)
        {
            return;
        }

        var judgments = await unused
            .Join(db.ComparisonTasks, j => j.TaskId, t => t.Id, (j, t) => new { Judgment = j, t.Sequence })
            .OrderBy(x => x.Sequence)
            .ThenBy(x => x.Judgment.Id)
            .Take(project.JudgmentsPerCycle)
            .Select(x => x.Judgment)
            .ToListAsync(stop);
        var number = await db.Cycles.Where(c => c.ProjectId == projectId).Select(c => (int?)c.Number).MaxAsync(stop) ?? 0;
        var cycle = new Cycle
        {
            Id = Guid.CreateVersion7(),
            ProjectId = projectId,
            Number = number + 1,
            Status = CycleStatuses.RewardModel,
            StartedAt = clock.GetUtcNow(),
        };
        db.Cycles.Add(cycle);
        foreach (var judgment in judgments)
        {
            judgment.CycleId = cycle.Id;
        }

        cycle.RewardRunId = Start(project, cycle, RunKinds.RewardModel, reward: null);
        Decide(cycle, "start", new { available, used = judgments.Count, threshold = project.JudgmentsPerCycle });
    }

    /// <summary>Moves the cycle on after one of its runs.</summary>
    public async Task RunCompletedAsync(RunCompleted message, CancellationToken stop)
    {
        var cycle = await db.Cycles.SingleOrDefaultAsync(c => c.Id == message.CycleId, stop);
        if (cycle is null)
        {
            return;
        }

        var project = await db.Projects.SingleAsync(p => p.Id == cycle.ProjectId, stop);
        if (message.RunId == cycle.RewardRunId && cycle.PpoRunId is null && cycle.Status != CycleStatuses.Halted)
        {
            await GateAsync(project, cycle, message.OutputCheckpointId!.Value, stop);
        }
        else if (message.RunId == cycle.PpoRunId && cycle.SampleRunId is null)
        {
            project.PolicyCheckpointId = message.OutputCheckpointId;
            cycle.Status = CycleStatuses.Sampling;
            cycle.SampleRunId = Sample(project, cycle, message.OutputCheckpointId!.Value, cycle.Number);
            Decide(cycle, "publish", new { checkpointId = message.OutputCheckpointId, kl = await MetricAsync(message.RunId, "objective/kl", stop) });
        }
    }

    /// <summary>Closes the cycle when its answers are there, and looks whether the next one may start.</summary>
    public async Task CompletionsSampledAsync(CompletionsSampled message, CancellationToken stop)
    {
        var cycle = await db.Cycles.SingleOrDefaultAsync(c => c.Id == message.CycleId, stop);
        if (cycle is null || cycle.Status == CycleStatuses.Completed)
        {
            return;
        }

        cycle.Status = CycleStatuses.Completed;
        cycle.FinishedAt = clock.GetUtcNow();
        Decide(cycle, "complete", new { answers = await db.Completions.CountAsync(c => c.RunId == message.RunId, stop) });
        await db.SaveChangesAsync(stop);
        await ConsiderAsync(message.ProjectId, stop);
    }

    /// <summary>A failed or cancelled run ends its cycle; resuming the run lets the cycle go on where it was.</summary>
    public async Task RunEndedBadlyAsync(Guid runId, Guid? cycleId, string reason, CancellationToken stop)
    {
        var cycle = await db.Cycles.SingleOrDefaultAsync(c => c.Id == cycleId, stop);
        if (cycle is null || cycle.Status is CycleStatuses.Completed or CycleStatuses.Failed)
        {
            return;
        }

        cycle.Status = CycleStatuses.Failed;
        cycle.Reason = reason;
        cycle.FinishedAt = clock.GetUtcNow();
        Decide(cycle, "fail", new { runId, reason });
    }

    private async Task GateAsync(Project project, Cycle cycle, Guid rewardCheckpoint, CancellationToken stop)
    {
        var accuracy = await MetricAsync(cycle.RewardRunId!.Value, "eval/reward/accuracy", stop);
        var numbers = new { accuracy, gate = project.RewardAccuracyGate };

        // Without held-out judgments there is nothing to gate on: the first cycles of a small project.
        if (accuracy is { } value && value < project.RewardAccuracyGate)
        {
            cycle.Status = CycleStatuses.Halted;
            cycle.FinishedAt = clock.GetUtcNow();
            cycle.Reason = $"reward-model accuracy {value:P1} on held-out judgments is below the gate {project.RewardAccuracyGate:P1}: more judgments are needed";
            Decide(cycle, "halt", numbers);
            return;
        }

        cycle.Status = CycleStatuses.Ppo;
        cycle.PpoRunId = Start(project, cycle, RunKinds.Ppo, rewardCheckpoint);
        Decide(cycle, "improve", numbers);
    }

    private Guid Start(Project project, Cycle cycle, string kind, Guid? reward)
    {
        var command = Guid.CreateVersion7();
        OutboxWriter.Add(db, new StartRun
        {
            CommandId = command,
            ProjectId = project.Id,
            CycleId = cycle.Id,
            Kind = kind,
            Seed = RunSeed.Derive(project.Seed, cycle.Number, kind),
            PolicyCheckpointId = project.PolicyCheckpointId,
            RewardCheckpointId = reward,
        });
        return command;
    }

    private Guid Sample(Project project, Cycle? cycle, Guid checkpoint, int number)
    {
        var command = Guid.CreateVersion7();
        OutboxWriter.Add(db, new SampleCompletions
        {
            CommandId = command,
            ProjectId = project.Id,
            CycleId = cycle?.Id,
            CheckpointId = checkpoint,
            PromptCount = project.PromptsPerCycle,
            CompletionsPerPrompt = 2,
            Seed = RunSeed.Derive(project.Seed, number, RunKinds.Sample),
        });
        return command;
    }

    private async Task<double?> MetricAsync(Guid runId, string name, CancellationToken stop) =>
        await db.Metrics.Where(m => m.RunId == runId && m.Name == name).OrderByDescending(m => m.Step).Select(m => (double?)m.Value).FirstOrDefaultAsync(stop);

    private void Decide(Cycle cycle, string decision, object numbers) => db.CycleDecisions.Add(new CycleDecision
    {
        Id = Guid.CreateVersion7(),
        ProjectId = cycle.ProjectId,
        CycleId = cycle.Id,
        Decision = decision,
        NumbersJson = JsonSerializer.Serialize(numbers, JsonSerializerOptions.Web),
        CreatedAt = clock.GetUtcNow(),
    });
}
