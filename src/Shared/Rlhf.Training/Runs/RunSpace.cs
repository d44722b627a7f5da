using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Hosting;
using Rlhf.Training.Storage;

namespace Rlhf.Training.Runs;

/// <summary>Whether there is room for what a run will write, before it spends hours on finding out.</summary>
internal sealed class RunSpace(IDbContextFactory<AppDbContext> contexts, IOptions<StorageOptions> options)
{
    // Weights and Adam's two moments of every model that is trained; each further state checks for its own exact size when it is saved.
    private const int StateCopies = 3;

    /// <summary>Looks at the volumes of the state and of the checkpoint store.</summary>
    /// <exception cref="DiskFullException">There is no room for a first state and the checkpoint.</exception>
    public async Task RequireAsync(Run run, string stateDirectory, string checkpointStore, CancellationToken cancellationToken = default)
    {
        var (state, checkpoint) = await EstimateAsync(run, cancellationToken);
        var reserve = options.Value.MinimumFreeBytes;
        DiskSpace.Require(stateDirectory, state + checkpoint, reserve, $"the state of run {run.Id}");
        DiskSpace.Require(checkpointStore, checkpoint, reserve, $"the checkpoint of run {run.Id}");
    }

    private async Task<(long State, long Checkpoint)> EstimateAsync(Run run, CancellationToken cancellationToken)
    {
        if (run.Kind is RunKinds.Sample or RunKinds.Eval)
        {
            return (0, 0);
        }

        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var sizes = await db.Checkpoints
            .Where(c => c.Id == run.PolicyCheckpointId || c.Id == run.RewardCheckpointId)
            .Select(c => c.SizeBytes)
            .ToListAsync(cancellationToken);
        return (StateCopies * sizes.Sum(), sizes.DefaultIfEmpty().Max());
    }
}
