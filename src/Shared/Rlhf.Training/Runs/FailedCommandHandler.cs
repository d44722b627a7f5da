using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Sampling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Hosting.Messaging;

namespace Rlhf.Training.Runs;

/// <summary>A command for a run that was set aside becomes a failed run, so that the planner does not wait for it for ever and the console shows why.</summary>
internal sealed class FailedCommandHandler(TimeProvider time) : IFailedMessageHandler
{
    public async Task HandleAsync(AppDbContext db, FailedMessage failed, object message, CancellationToken cancellationToken)
    {
        var run = message switch
        {
            StartRun start => new Run
            {
                Id = start.CommandId, ProjectId = start.ProjectId, CycleId = start.CycleId, Kind = start.Kind, CommandId = start.CommandId, Seed = start.Seed,
                PolicyCheckpointId = start.PolicyCheckpointId, RewardCheckpointId = start.RewardCheckpointId, BaselineCheckpointId = start.BaselineCheckpointId,
                Priority = start.Priority ?? RunPriorities.Of(start.Kind),
            },
            SampleCompletions sample => new Run
            {
                Id = sample.CommandId, ProjectId = sample.ProjectId, CycleId = sample.CycleId, Kind = RunKinds.Sample, CommandId = sample.CommandId, Seed = sample.Seed,
                PolicyCheckpointId = sample.CheckpointId, Priority = RunPriorities.Of(RunKinds.Sample),
            },
            _ => null,
        };
        if (run is null
            || !RunKinds.All.Contains(run.Kind)
            || await db.Runs.AnyAsync(r => r.CommandId == run.CommandId, cancellationToken)
            || await db.Projects.AsNoTracking().SingleOrDefaultAsync(p => p.Id == run.ProjectId, cancellationToken) is not { } project
            || (run.CycleId is { } cycleId && !await db.Cycles.AnyAsync(c => c.Id == cycleId, cancellationToken)))
        {
            return;
        }

        // A command may have been set aside because what it names is not there.
        var named = new[] { run.PolicyCheckpointId, run.RewardCheckpointId, run.BaselineCheckpointId };
        var known = await db.Checkpoints.Where(c => named.Contains(c.Id)).Select(c => (Guid?)c.Id).ToListAsync(cancellationToken);
        (run.PolicyCheckpointId, run.RewardCheckpointId, run.BaselineCheckpointId) = (Known(run.PolicyCheckpointId), Known(run.RewardCheckpointId), Known(run.BaselineCheckpointId));

        // As the consumer would have done it, so that the run can be resumed.
        run.ConfigJson = run.Kind switch
        {
            RunKinds.RewardModel => project.RewardConfigJson,
            var policy when RunKinds.PolicyAlgorithms.Contains(policy) => PolicyAlgorithm.HyperparametersOf(project.PpoConfigJson),
            RunKinds.Sample => project.SamplingConfigJson,
            RunKinds.Eval => project.EvaluationConfigJson,
            _ => run.ConfigJson,
        };
        run.Status = RunStatuses.Failed;
        run.Error = $"The command was set aside by '{failed.Endpoint}' after {failed.Attempts} deliveries: {failed.Error}";
        run.CreatedAt = time.GetUtcNow();
        run.FinishedAt = run.CreatedAt;
        db.Runs.Add(run);
        OutboxWriter.Add(db, new RunFailed
        {
            RunId = run.Id,
            ProjectId = run.ProjectId,
            CycleId = run.CycleId,
            Kind = run.Kind,
            Step = 0,
            Error = RunQueue.FirstLine(run.Error),
        });

        Guid? Known(Guid? id) => known.Contains(id) ? id : null;
    }
}
