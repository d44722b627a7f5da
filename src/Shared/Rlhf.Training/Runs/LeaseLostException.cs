namespace Rlhf.Training.Runs;

/// <summary>A worker tried to write for a run that is no longer its own. Nothing was written.</summary>
public sealed class LeaseLostException(RunLease lease)
    : OperationCanceledException($"Run {lease.RunId} is no longer held by {lease.Owner} (claim {lease.FencingToken}): the lease ran out, or the run ended.")
{
    /// <summary>The claim that was lost.</summary>
    public RunLease Lease { get; } = lease;
}
