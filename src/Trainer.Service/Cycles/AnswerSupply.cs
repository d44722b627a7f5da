using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Trainer.Service.Cycles;

/// <summary>Sees to it that annotators have something to compare between cycles.</summary>
internal sealed class AnswerSupply(AppDbContext db, TimeProvider clock)
{
    private readonly CycleJournal _journal = new(db, clock);
    private readonly StageCommands _commands = new(db);

    /// <summary>Asks for the first answers of a project that has a policy and prompts and was never sampled.</summary>
    /// <returns>Whether they were asked for.</returns>
    public async Task<bool> AskFirstAsync(Project project, CancellationToken stop)
    {
        if (project.PolicyCheckpointId is not { } policy
            || await db.Runs.AnyAsync(r => r.ProjectId == project.Id && r.Kind == RunKinds.Sample, stop)
            || !await db.Prompts.AnyAsync(p => p.ProjectId == project.Id && p.Split == Splits.Train, stop))
        {
            return false;
        }

        _commands.AskFirstAnswers(project, policy);
        return true;
    }

    /// <summary>Asks for more answers of the current policy, unless the open comparisons are enough for the next cycle or answers are on their way.</summary>
    /// <returns>Whether they were asked for.</returns>
    public async Task<bool> ReplenishAsync(Project project, Guid? userId, CancellationToken stop)
    {
        var waiting = await CyclePlanner.Waiting(db, project.Id).CountAsync(stop);
        var open = await db.ComparisonTasks
            .Where(t => t.ProjectId == project.Id && t.Status == ComparisonTaskStatuses.Open && t.EvaluationRunId == null)
            .SumAsync(t => project.JudgmentsPerTask - t.JudgmentCount, stop);
        var onTheirWay = await db.Runs.AnyAsync(
            r => r.ProjectId == project.Id && r.Kind == RunKinds.Sample && (r.Status == RunStatuses.Queued || r.Status == RunStatuses.Running), stop);
        if (project.PolicyCheckpointId is not { } policy || onTheirWay || waiting + open >= project.JudgmentsPerCycle)
        {
            return false;
        }

        await _commands.AskMoreAnswersAsync(project, policy, stop);
        _journal.Decide(project, null, "replenish", new { open, waiting, threshold = project.JudgmentsPerCycle, prompts = project.PromptsPerCycle }, userId);
        return true;
    }
}
