using Microsoft.EntityFrameworkCore;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Trainer.Service.Cycles;

/// <summary>Two planners (replicas of the trainer, or a message and the sweep) plan one project one after another.</summary>
internal static class ProjectLock
{
    /// <summary>Takes the project's row until the caller's transaction ends, then reads it: what follows sees everything that was planned before.</summary>
    /// <remarks>
    /// An update that changes nothing takes the row's lock on PostgreSQL; on SQLite the transaction already is the only writer. Without a
    /// transaction nothing is held, and the unique number of a cycle and the project's version are what is left.
    /// </remarks>
    /// <exception cref="ArgumentException">There is no such project; delivering the message again could not help.</exception>
    public static async Task<Project> TakeAsync(AppDbContext db, Guid projectId, CancellationToken stop)
    {
        var found = await db.Projects.Where(p => p.Id == projectId).ExecuteUpdateAsync(set => set.SetProperty(p => p.Seed, p => p.Seed), stop);
        return found == 1
            ? await db.Projects.SingleAsync(p => p.Id == projectId, stop)
            : throw new ArgumentException($"project {projectId} does not exist", nameof(projectId));
    }
}
