using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Trainer.Service.Cycles;

/// <summary>
/// Compares a project's rows where a message about them may be lost for good (an operator discarded it, a broker was wiped), and does what
/// the message would have done. Doing it twice does nothing more.
/// </summary>
public sealed class CycleReconciler(AppDbContext db, CyclePlanner planner, TimeProvider clock)
{
    private readonly CycleJournal _journal = new(db, clock);
    private readonly StageCommands _commands = new(db);

    /// <summary>Looks after one project.</summary>
    /// <param name="projectId">The project.</param>
    /// <param name="before">What changed after this moment is left alone: a message about it may be on its way.</param>
    /// <param name="stop">Abandons it.</param>
    public async Task ReconcileAsync(Guid projectId, DateTimeOffset before, CancellationToken stop)
    {
        var project = await ProjectLock.TakeAsync(db, projectId, stop);
        await CancelLeftoversAsync(project, before, stop);
        if (await LastMoveAsync(project, stop) >= before)
        {
            return;
        }

        // Judgments go on being recorded while a cycle is under way; they say nothing about whether it moves.
        var cycle = await db.Cycles.Where(c => c.ProjectId == projectId && CycleStatuses.Unfinished.Contains(c.Status)).OrderBy(c => c.Number).FirstOrDefaultAsync(stop);
        if (cycle is null)
        {
            var lastJudgment = await CyclePlanner.Waiting(db, project.Id).MaxAsync(j => (DateTimeOffset?)j.CreatedAt, stop);
            if (project.PausedAt is null && !(lastJudgment >= before) && !await IsCollapsedAsync(project, stop))
            {
                await planner.GoOnAsync(project, userId: null, stop);
            }

            return;
        }

        var stage = StageCommands.LatestStage(cycle);
        var runId = StageCommands.RunOf(cycle, stage);
        var run = await db.Runs.AsNoTracking().SingleOrDefaultAsync(r => r.Id == runId, stop);
        if (run is not null || cycle.NextStage is not null)
        {
            await planner.MoveAsync(project, cycle, userId: null, stop);
        }
        else if (!await IsWaitingInOutboxAsync(runId!.Value, stop))
        {
            // Published, and no run came of it. If it only waits in a queue, the run is inserted once all the same.
            await _commands.AskAsync(project, cycle, stage, stop);
            _journal.Decide(project, cycle, "ask-again", new { stage, runId, since = before });
        }
    }

    // The latest thing that could have sent a message about this project.
    private async Task<DateTimeOffset?> LastMoveAsync(Project project, CancellationToken stop)
    {
        DateTimeOffset?[] times =
        [
            project.CreatedAt,
            await db.CycleDecisions.Where(d => d.ProjectId == project.Id).MaxAsync(d => (DateTimeOffset?)d.CreatedAt, stop),
            await db.Runs.Where(r => r.ProjectId == project.Id).MaxAsync(r => (DateTimeOffset?)r.CreatedAt, stop),
            await db.Runs.Where(r => r.ProjectId == project.Id).MaxAsync(r => r.FinishedAt, stop),
        ];
        return times.Max();
    }

    // A policy whose answers to every prompt are all alike gives nothing to compare, however often it is sampled: a person must look.
    private async Task<bool> IsCollapsedAsync(Project project, CancellationToken stop)
    {
        var last = await db.Runs.AsNoTracking().Where(r => r.ProjectId == project.Id && r.Kind == RunKinds.Sample)
            .OrderByDescending(r => r.CreatedAt).FirstOrDefaultAsync(stop);
        return last is not null
            && !await db.ComparisonTasks.AnyAsync(t => t.ProjectId == project.Id && db.Completions.Any(c => c.Id == t.CompletionAId && c.RunId == last.Id), stop)
            && await CyclePlanner.Waiting(db, project.Id).CountAsync(stop) < project.JudgmentsPerCycle;
    }

    private Task<bool> IsWaitingInOutboxAsync(Guid command, CancellationToken stop)
    {
        var id = command.ToString();
        return db.Outbox.AnyAsync(m => m.Body.Contains(id), stop);
    }

    // A halted cycle's run that had no row yet when it was cancelled, or whose cancellation was lost.
    private async Task CancelLeftoversAsync(Project project, DateTimeOffset before, CancellationToken stop)
    {
        var leftovers = await db.Runs
            .Where(r => r.ProjectId == project.Id && !r.CancelRequested && r.CreatedAt < before
                && (r.Status == RunStatuses.Queued || r.Status == RunStatuses.Running)
                && db.Cycles.Any(c => c.Id == r.CycleId && c.Status == CycleStatuses.Halted && c.FinishedAt < before))
            .Select(r => r.Id).ToListAsync(stop);
        foreach (var run in leftovers)
        {
            OutboxWriter.Add(db, new CancelRun { RunId = run });
        }
    }
}
