using Labeling.Web.Live;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Labeling.Web.Features.Projects;

/// <summary>Steers a project's planner: what concerns only the project's row is written here, the rest is asked of the planner by a message.</summary>
public sealed class CycleControl(IDbContextFactory<AppDbContext> contexts, ProjectNotifier notifier, TimeProvider time)
{
    /// <summary>From now on nothing new is started; what runs finishes.</summary>
    public Task PauseAsync(Guid projectId, Guid userId, CancellationToken cancellationToken = default) =>
        ChangeAsync(
            projectId,
            (db, project) =>
            {
                if (project.PausedAt is not null)
                {
                    return;
                }

                project.PausedAt = time.GetUtcNow();
                db.CycleDecisions.Add(new CycleDecision { ProjectId = projectId, Decision = "pause", UserId = userId, CreatedAt = time.GetUtcNow() });
            },
            cancellationToken);

    /// <summary>Ends a pause: the stage that waits starts, or a cycle if there are enough judgments.</summary>
    public Task ResumeAsync(Guid projectId, Guid userId, CancellationToken cancellationToken = default) =>
        ChangeAsync(
            projectId,
            (db, project) =>
            {
                project.PausedAt = null;
                OutboxWriter.Add(db, new AdvanceCycle { ProjectId = projectId, UserId = userId });
            },
            cancellationToken);

    /// <summary>One stage of a paused project, or, between cycles, a cycle with the judgments there are.</summary>
    public Task StepAsync(Guid projectId, Guid userId, CancellationToken cancellationToken = default) =>
        ChangeAsync(projectId, (db, _) => OutboxWriter.Add(db, new AdvanceCycle { ProjectId = projectId, Step = true, UserId = userId }), cancellationToken);

    /// <summary>Makes an earlier policy the project's again. The planner checks it; its decision appears on the project's page.</summary>
    public Task RollBackAsync(Guid projectId, Guid checkpointId, Guid userId, CancellationToken cancellationToken = default) =>
        ChangeAsync(
            projectId,
            (db, _) => OutboxWriter.Add(db, new RollBackPolicy { ProjectId = projectId, CheckpointId = checkpointId, UserId = userId }),
            cancellationToken);

    private async Task ChangeAsync(Guid projectId, Action<AppDbContext, Project> change, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            await using var db = await contexts.CreateDbContextAsync(cancellationToken);
            change(db, await db.Projects.SingleAsync(p => p.Id == projectId, cancellationToken));
            try
            {
                await db.SaveChangesAsync(cancellationToken);
                break;
            }
            catch (DbUpdateConcurrencyException) when (attempt < 5)
            {
                // The planner moved the policy on meanwhile; a pause does not conflict with that.
            }
        }

        notifier.Changed(projectId);
    }
}
