using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Hosting.Telemetry;

namespace Trainer.Service.Cycles;

/// <summary>
/// Goes back to an earlier policy: because somebody says so, or because judgments it learned from were taken back. What is under way is
/// halted first, so that nothing built on the abandoned policy is published later.
/// </summary>
public sealed class PolicyRollback(AppDbContext db, CyclePlanner planner, TimeProvider clock)
{
    private readonly CycleJournal _journal = new(db, clock);
    private readonly StageCommands _commands = new(db);

    /// <summary>Makes an earlier checkpoint the project's policy and asks for answers of it, also while the project is paused: somebody asked.</summary>
    public async Task RollBackAsync(RollBackPolicy message, CancellationToken stop)
    {
        using var span = RlhfTelemetry.Source.StartActivity("policy.roll-back");
        var project = await ProjectLock.TakeAsync(db, message.ProjectId, stop);
        span?.SetTag("rlhf.project", project.Slug);
        var target = await db.Checkpoints.AsNoTracking().SingleOrDefaultAsync(c => c.Id == message.CheckpointId, stop);
        if ((project.PolicyCheckpointId == message.CheckpointId ? "it is the project's policy already" : Refuse(project, target)) is { } reason)
        {
            _journal.Decide(project, null, "no-roll-back", new { checkpointId = message.CheckpointId, version = target?.Version, reason }, message.UserId);
            return;
        }

        var from = await VersionAsync(project.PolicyCheckpointId, stop);
        var halted = await HaltUnfinishedAsync(project, $"the policy was rolled back to v{target!.Version}", message.UserId, stop);
        project.PolicyCheckpointId = target.Id;
        _journal.Decide(project, null, "roll-back", new { checkpointId = target.Id, fromVersion = from, toVersion = target.Version, haltedCycle = halted }, message.UserId);
        await _commands.AskMoreAnswersAsync(project, target.Id, stop);
    }

    /// <summary>
    /// Judgments of an annotator were taken back. With <see cref="JudgmentsRetracted.Requeue"/>, the policy goes back to the one that the first
    /// cycle that counted any of them began with, and what still stands of that and all later cycles waits to be counted again.
    /// </summary>
    public async Task RequeueAsync(JudgmentsRetracted message, CancellationToken stop)
    {
        using var span = RlhfTelemetry.Source.StartActivity("judgments.requeue");
        var project = await ProjectLock.TakeAsync(db, message.ProjectId, stop);
        span?.SetTag("rlhf.project", project.Slug);
        var retracted = db.Judgments.Where(j => j.ProjectId == project.Id && j.AnnotatorId == message.AnnotatorId && j.RetractedAt != null);
        var count = await retracted.CountAsync(stop);
        var first = await db.Cycles.AsNoTracking().Where(c => retracted.Any(j => j.CycleId == c.Id)).OrderBy(c => c.Number).FirstOrDefaultAsync(stop);
        if (!message.Requeue || first is null)
        {
            _journal.Decide(project, null, "retract", new { annotatorId = message.AnnotatorId, retracted = count, firstCycle = first?.Number, requeue = message.Requeue }, message.UserId);
            return;
        }

        var target = await StartOfAsync(first, stop);
        if (Refuse(project, target) is { } reason)
        {
            var numbers = new { annotatorId = message.AnnotatorId, retracted = count, firstCycle = first.Number, version = target?.Version, reason };
            _journal.Decide(project, null, "no-requeue", numbers, message.UserId);
            return;
        }

        var from = await VersionAsync(project.PolicyCheckpointId, stop);
        var halted = await HaltUnfinishedAsync(project, "judgments it counts were taken back", message.UserId, stop);

        // The retracted ones are freed too: nothing counts them, and a second message about them finds nothing left to do.
        var affected = db.Judgments.Where(j => db.Cycles.Any(c => c.Id == j.CycleId && c.ProjectId == project.Id && c.Number >= first.Number));
        var freed = await affected.CountAsync(j => j.RetractedAt == null, stop);
        await affected.ExecuteUpdateAsync(set => set.SetProperty(j => j.CycleId, (Guid?)null), stop);
        project.PolicyCheckpointId = target!.Id;
        _journal.Decide(
            project,
            null,
            "requeue",
            new
            {
                annotatorId = message.AnnotatorId,
                retracted = count,
                firstCycle = first.Number,
                haltedCycle = halted,
                freed,
                checkpointId = target.Id,
                fromVersion = from,
                toVersion = target.Version,
            },
            message.UserId);
        await db.SaveChangesAsync(stop);
        if (project.PausedAt is null)
        {
            await planner.GoOnAsync(project, message.UserId, stop);
        }
    }

    /// <summary>Ends what is under way: the cycle's row now, its runs as soon as their workers hear of it.</summary>
    /// <returns>The number of the cycle that was halted, if there was one.</returns>
    private async Task<int?> HaltUnfinishedAsync(Project project, string reason, Guid? userId, CancellationToken stop)
    {
        int? number = null;
        foreach (var cycle in await db.Cycles.Where(c => c.ProjectId == project.Id && CycleStatuses.Unfinished.Contains(c.Status)).ToListAsync(stop))
        {
            number = cycle.Number;
            var stage = StageCommands.LatestStage(cycle);
            _journal.Enter(cycle, CycleStatuses.Halted, reason);
            _journal.Decide(project, cycle, "halt", new { reason, stage }, userId);
            OutboxWriter.Add(db, new CancelRun { RunId = StageCommands.RunOf(cycle, stage)!.Value });
        }

        return number;
    }

    private async Task<Checkpoint?> StartOfAsync(Cycle cycle, CancellationToken stop)
    {
        // Cycles of before the column was there: their reward-model run started from the same policy.
        var id = cycle.PolicyCheckpointId ?? await db.Runs.Where(r => r.Id == cycle.RewardRunId).Select(r => r.PolicyCheckpointId).SingleOrDefaultAsync(stop);
        return await db.Checkpoints.AsNoTracking().SingleOrDefaultAsync(c => c.Id == id, stop);
    }

    private static string? Refuse(Project project, Checkpoint? checkpoint) => checkpoint switch
    {
        null => "there is no such checkpoint",
        _ when checkpoint.ProjectId != project.Id => "it belongs to another project",
        { Kind: not CheckpointKinds.Policy } => $"it is a {checkpoint.Kind} checkpoint, not a policy",
        { RetiredAt: not null } => "it was retired",
        { FilesDeletedAt: not null } => "its files were removed",
        _ => null,
    };

    private Task<int?> VersionAsync(Guid? checkpointId, CancellationToken stop) =>
        db.Checkpoints.Where(c => c.Id == checkpointId).Select(c => (int?)c.Version).SingleOrDefaultAsync(stop);
}
