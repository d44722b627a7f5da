using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Hosting.Telemetry;
using Rlhf.Training.Metrics;

namespace Trainer.Service.Cycles;

/// <summary>
/// Decides what a project does next: judgments → reward model → PPO → new answers. Whoever calls – a message or the sweep – only wakes it:
/// it reads the rows and does what they call for, so a message that comes twice, late or never changes nothing in the end. It writes rows
/// and outgoing messages into the caller's transaction, and every decision is a <see cref="CycleDecision"/> with its numbers.
/// </summary>
public sealed class CyclePlanner(AppDbContext db, TimeProvider clock)
{
    // OpenTelemetry keeps so many links of a span by default.
    private const int MaxLinks = 128;

    private readonly CycleJournal _journal = new(db, clock);
    private readonly StageCommands _commands = new(db);
    private readonly AnswerSupply _answers = new(db, clock);

    /// <summary>A project with a policy and prompts but without a single answer gets its first ones.</summary>
    public async Task BootstrapAsync(Guid projectId, CancellationToken stop)
    {
        var project = await ProjectLock.TakeAsync(db, projectId, stop);
        if (project is { AutoCycle: true, PausedAt: null })
        {
            await _answers.AskFirstAsync(project, stop);
        }
    }

    /// <summary>Opens a cycle over the oldest unused judgments once there are enough of them.</summary>
    /// <remarks>
    /// A cycle takes exactly <see cref="Project.JudgmentsPerCycle"/> judgments, in the order of their tasks: the same judgments give
    /// the same cycle however the messages about them were timed.
    /// </remarks>
    public async Task ConsiderAsync(Guid projectId, CancellationToken stop)
    {
        var project = await ProjectLock.TakeAsync(db, projectId, stop);
        if (project is { AutoCycle: true, PausedAt: null })
        {
            await StartCycleAsync(project, project.JudgmentsPerCycle, userId: null, stop);
        }
    }

    /// <summary>Looks at a cycle after something about one of its runs changed, and moves it on as far as its rows allow.</summary>
    public async Task MoveAsync(Guid? cycleId, CancellationToken stop)
    {
        if (await db.Cycles.Where(c => c.Id == cycleId).Select(c => (Guid?)c.ProjectId).SingleOrDefaultAsync(stop) is { } projectId)
        {
            var project = await ProjectLock.TakeAsync(db, projectId, stop);
            await MoveAsync(project, await db.Cycles.SingleAsync(c => c.Id == cycleId, stop), userId: null, stop);
        }
    }

    /// <summary>Somebody resumed the project, or asks for one step of a paused one, or for a cycle below the threshold.</summary>
    public async Task AdvanceAsync(AdvanceCycle message, CancellationToken stop)
    {
        var project = await ProjectLock.TakeAsync(db, message.ProjectId, stop);
        if (message.Step)
        {
            await StepAsync(project, message.UserId, stop);
        }
        else if (project.PausedAt is null)
        {
            await GoOnAsync(project, message.UserId, stop);
        }
    }

    /// <summary>What an unpaused project does next, whatever brought it here; nothing when its cycle's run is under way.</summary>
    internal async Task GoOnAsync(Project project, Guid? userId, CancellationToken stop)
    {
        if (await UnfinishedAsync(project.Id, stop) is { } cycle)
        {
            await MoveAsync(project, cycle, userId, stop);
        }
        else if (project.AutoCycle && !await _answers.AskFirstAsync(project, stop) && !await StartCycleAsync(project, project.JudgmentsPerCycle, userId, stop))
        {
            await _answers.ReplenishAsync(project, userId, stop);
        }
    }

    internal async Task MoveAsync(Project project, Cycle cycle, Guid? userId, CancellationToken stop)
    {
        using var span = RlhfTelemetry.Source.StartActivity("cycle.move");
        span?.SetTag("rlhf.project", project.Slug).SetTag("rlhf.cycle", cycle.Number);
        if (cycle.Status is CycleStatuses.Completed or CycleStatuses.Halted)
        {
            return;
        }

        if (cycle.NextStage is { } waiting)
        {
            if (project.PausedAt is null)
            {
                await EnterAsync(project, cycle, waiting, "resume", userId, stop);
            }

            return;
        }

        var stage = StageCommands.LatestStage(cycle);
        var runId = StageCommands.RunOf(cycle, stage);
        var run = await db.Runs.AsNoTracking().SingleOrDefaultAsync(r => r.Id == runId, stop);
        var failed = cycle.Status == CycleStatuses.Failed;
        if (run?.Status == RunStatuses.Completed && !(failed && await UnfinishedAsync(project.Id, stop) is not null))
        {
            await FinishStageAsync(project, cycle, stage, run, stop);
        }
        else if (run?.Status is RunStatuses.Failed or RunStatuses.Cancelled && !failed)
        {
            // Resuming the run lets the cycle go on where it was.
            var reason = run.Status == RunStatuses.Cancelled ? "cancelled" : FirstLine(run.Error);
            _journal.Enter(cycle, CycleStatuses.Failed, reason);
            _journal.Decide(project, cycle, "fail", new { runId, stage, step = run.Step, reason });
        }
    }

    private async Task FinishStageAsync(Project project, Cycle cycle, string stage, Run run, CancellationToken stop)
    {
        switch (stage)
        {
            case CycleStatuses.RewardModel:
                await GateRewardModelAsync(project, cycle, run, stop);
                break;
            case CycleStatuses.Ppo:
                await GatePolicyAsync(project, cycle, run, stop);
                break;
            default:
                _journal.Enter(cycle, CycleStatuses.Completed);
                _journal.Decide(project, cycle, "complete", new { answers = await db.Completions.CountAsync(c => c.RunId == run.Id, stop) });
                await db.SaveChangesAsync(stop);
                if (project is { AutoCycle: true, PausedAt: null })
                {
                    await StartCycleAsync(project, project.JudgmentsPerCycle, userId: null, stop);
                }

                break;
        }
    }

    private async Task GateRewardModelAsync(Project project, Cycle cycle, Run run, CancellationToken stop)
    {
        var accuracy = await MetricAsync(run.Id, MetricNames.RewardEvaluationAccuracy, stop);
        var decided = await MetricAsync(run.Id, MetricNames.RewardEvaluationDecided, stop);
        var numbers = new { accuracy, decided, gate = project.RewardAccuracyGate };
        if (CycleGates.RefuseRewardModel(project, accuracy) is { } reason)
        {
            await HaltAsync(project, cycle, reason, numbers, stop);
            return;
        }

        _journal.Decide(project, cycle, "improve", numbers);
        await ProceedAsync(project, cycle, CycleStatuses.Ppo, stop);
    }

    private async Task GatePolicyAsync(Project project, Cycle cycle, Run run, CancellationToken stop)
    {
        var measured = new PolicyNumbers(
            await MetricAsync(run.Id, MetricNames.Kl, stop),
            await MetricAsync(run.Id, MetricNames.EvaluationScoreStart, stop),
            await MetricAsync(run.Id, MetricNames.EvaluationScore, stop));
        var version = await db.Checkpoints.Where(c => c.Id == run.OutputCheckpointId).Select(c => (int?)c.Version).SingleOrDefaultAsync(stop);
        var numbers = new
        {
            checkpointId = run.OutputCheckpointId,
            version,
            kl = measured.Kl,
            klBudget = project.KlBudget,
            scoreStart = measured.ScoreStart,
            score = measured.Score,
            gain = measured.Gain,
            heldOutScoreGate = project.HeldOutScoreGate,
        };

        // Resumed after the project went on without it: its policy descends from one that is not the project's any more.
        var reason = cycle.PolicyCheckpointId is { } start && start != project.PolicyCheckpointId
            ? "the project's policy is not the one this cycle began with any more"
            : CycleGates.RefusePolicy(project, measured);
        if (reason is not null)
        {
            await HaltAsync(project, cycle, reason, numbers, stop);
            return;
        }

        project.PolicyCheckpointId = run.OutputCheckpointId;
        if (project.EvaluatePolicies)
        {
            _commands.AskEvaluation(project, cycle, run);
        }

        _journal.Decide(project, cycle, "publish", numbers);
        await ProceedAsync(project, cycle, CycleStatuses.Sampling, stop);
    }

    private async Task HaltAsync(Project project, Cycle cycle, string reason, object numbers, CancellationToken stop)
    {
        _journal.Enter(cycle, CycleStatuses.Halted, reason);
        _journal.Decide(project, cycle, "halt", numbers);

        // Its judgments are used up and its new policy is not there to sample: without more answers the project would stand still for ever.
        if (project is { AutoCycle: true, PausedAt: null })
        {
            await _answers.ReplenishAsync(project, userId: null, stop);
        }
    }

    private async Task ProceedAsync(Project project, Cycle cycle, string stage, CancellationToken stop)
    {
        if (project.PausedAt is null)
        {
            _journal.Enter(cycle, stage);
            await _commands.AskAsync(project, cycle, stage, stop);
            return;
        }

        (cycle.Status, cycle.NextStage, cycle.Reason, cycle.FinishedAt) = (StageCommands.LatestStage(cycle), stage, null, null);
        _journal.Decide(project, cycle, "wait", new { nextStage = stage, pausedAt = project.PausedAt });
    }

    private async Task EnterAsync(Project project, Cycle cycle, string stage, string decision, Guid? userId, CancellationToken stop)
    {
        _journal.Decide(project, cycle, decision, new { stage }, userId);
        _journal.Enter(cycle, stage);
        await _commands.AskAsync(project, cycle, stage, stop);
    }

    private async Task StepAsync(Project project, Guid? userId, CancellationToken stop)
    {
        if (await UnfinishedAsync(project.Id, stop) is { } cycle)
        {
            // The run of its stage may have ended unheard of.
            var status = cycle.Status;
            await MoveAsync(project, cycle, userId, stop);
            if (cycle.NextStage is { } waiting)
            {
                await EnterAsync(project, cycle, waiting, "step", userId, stop);
            }
            else if (cycle.Status == status)
            {
                _journal.Decide(project, cycle, "no-step", new { reason = $"the {status} stage is still running" }, userId);
            }

            return;
        }

        if (!await _answers.AskFirstAsync(project, stop)
            && !await StartCycleAsync(project, atLeast: 1, userId, stop)
            && !await _answers.ReplenishAsync(project, userId, stop))
        {
            var reason = project.PolicyCheckpointId is null
                ? "the project has no policy"
                : "no judgment waits for a cycle; comparisons are open, or new answers are being sampled";
            _journal.Decide(project, null, "no-step", new { reason }, userId);
        }
    }

    private async Task<bool> StartCycleAsync(Project project, int atLeast, Guid? userId, CancellationToken stop)
    {
        if (project.PolicyCheckpointId is null || await UnfinishedAsync(project.Id, stop) is not null)
        {
            return false;
        }

        var available = await Waiting(db, project.Id).CountAsync(stop);
        if (available < atLeast)
        {
            return false;
        }

        var number = await db.Cycles.Where(c => c.ProjectId == project.Id).Select(c => (int?)c.Number).MaxAsync(stop) ?? 0;
        var cycle = new Cycle
        {
            Id = Guid.CreateVersion7(),
            ProjectId = project.Id,
            Number = number + 1,
            StartedAt = clock.GetUtcNow(),
            PolicyCheckpointId = project.PolicyCheckpointId,
        };
        db.Cycles.Add(cycle);
        await db.SaveChangesAsync(stop);

        var oldest = Waiting(db, project.Id)
            .Join(db.ComparisonTasks, j => j.TaskId, t => t.Id, (j, t) => new { j.Id, t.Sequence })
            .OrderBy(x => x.Sequence)
            .ThenBy(x => x.Id)
            .Take(project.JudgmentsPerCycle)
            .Select(x => x.Id);

        // Conditional, because an annotator may take a judgment back at this very moment.
        var used = await db.Judgments
            .Where(j => oldest.Contains(j.Id) && j.CycleId == null && j.RetractedAt == null)
            .ExecuteUpdateAsync(set => set.SetProperty(j => j.CycleId, cycle.Id), stop);
        using var span = StartSpan(project, cycle, await TracesAsync(cycle, stop));
        _journal.Enter(cycle, CycleStatuses.RewardModel);
        await _commands.AskAsync(project, cycle, CycleStatuses.RewardModel, stop);
        _journal.Decide(project, cycle, "start", new { available, used, threshold = project.JudgmentsPerCycle }, userId);
        return true;
    }

    // A cycle has as many causes as judgments: their traces are linked to its own. Not asynchronous: a span that an awaited method starts is not the
    // caller's current one, and the command would not descend from it.
    private static Activity? StartSpan(Project project, Cycle cycle, List<string?> traces)
    {
        var links = traces
            .Select(t => ActivityContext.TryParse(t, null, isRemote: true, out var context) ? context : default)
            .Where(context => context != default)
            .Select(context => new ActivityLink(context));
        return RlhfTelemetry.Start("cycle.start", ActivityKind.Internal, Activity.Current?.Id, links)
            ?.SetTag("rlhf.project", project.Slug).SetTag("rlhf.cycle", cycle.Number);
    }

    private Task<List<string?>> TracesAsync(Cycle cycle, CancellationToken stop) =>
        db.Judgments.Where(j => j.CycleId == cycle.Id && j.TraceParent != null)
            .Select(j => j.TraceParent).Distinct().OrderBy(t => t).Take(MaxLinks).ToListAsync(stop);

    /// <summary>Standing judgments that no cycle has taken. Those on an evaluation's tasks measure and are never taken.</summary>
    internal static IQueryable<Judgment> Waiting(AppDbContext db, Guid projectId) =>
        db.Judgments.Where(j => j.ProjectId == projectId && j.CycleId == null && j.RetractedAt == null
            && !db.ComparisonTasks.Any(t => t.Id == j.TaskId && t.EvaluationRunId != null));

    private Task<Cycle?> UnfinishedAsync(Guid projectId, CancellationToken stop) =>
        db.Cycles.Where(c => c.ProjectId == projectId && CycleStatuses.Unfinished.Contains(c.Status)).OrderBy(c => c.Number).FirstOrDefaultAsync(stop);

    private async Task<double?> MetricAsync(Guid runId, string name, CancellationToken stop) =>
        await db.Metrics.Where(m => m.RunId == runId && m.Name == name).OrderByDescending(m => m.Step).Select(m => (double?)m.Value).FirstOrDefaultAsync(stop);

    private static string FirstLine(string? text) => text?.Trim().Split('\n', 2)[0].TrimEnd() is { Length: > 0 } line ? line : "no reason was stored";
}
