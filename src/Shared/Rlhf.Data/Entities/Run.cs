using Rlhf.Contracts.Training;

namespace Rlhf.Data.Entities;

/// <summary>
/// One training or sampling job. <c>Version</c> counts changes of its state (claimed, queued again, finished), not its heartbeats;
/// a worker's writes are conditional on <see cref="FencingToken"/>.
/// </summary>
public sealed class Run : IVersioned
{
    /// <summary>Key (time-ordered).</summary>
    public Guid Id { get; set; } = Guid.CreateVersion7();

    /// <summary>The project.</summary>
    public required Guid ProjectId { get; set; }

    /// <summary>The cycle it belongs to; null for a run started by hand.</summary>
    public Guid? CycleId { get; set; }

    /// <summary>One of <see cref="RunKinds"/>.</summary>
    public required string Kind { get; set; }

    /// <summary>One of <see cref="RunStatuses"/>.</summary>
    public string Status { get; set; } = RunStatuses.Queued;

    /// <summary>The command that asked for it, unique.</summary>
    public required Guid CommandId { get; set; }

    /// <summary>Its hyperparameters, as JSON, fixed when it was queued.</summary>
    public string ConfigJson { get; set; } = "{}";

    /// <summary>Seed of every random draw.</summary>
    public long Seed { get; set; }

    /// <summary>Version of the program that last executed it.</summary>
    public string CodeVersion { get; set; } = "";

    /// <summary>SHA-256 over the data it trained on.</summary>
    public string? DataHash { get; set; }

    /// <summary>The policy it starts from or samples.</summary>
    public Guid? PolicyCheckpointId { get; set; }

    /// <summary>The reward model it trains against.</summary>
    public Guid? RewardCheckpointId { get; set; }

    /// <summary>The policy an evaluation compares answers with.</summary>
    public Guid? BaselineCheckpointId { get; set; }

    /// <summary>The checkpoint it published.</summary>
    public Guid? OutputCheckpointId { get; set; }

    /// <summary>Runs of a higher priority are claimed first; among equals the oldest.</summary>
    public int Priority { get; set; }

    /// <summary>Not to be claimed before: the wait after a failure that may pass by itself. Null: at once.</summary>
    public DateTimeOffset? NotBefore { get; set; }

    /// <summary>Failures in a row that were retried by themselves; 0 again when somebody resumes it.</summary>
    public int Failures { get; set; }

    /// <summary>The device it runs on or ran on last, for example "host1/cuda:0". No two runs run on one device.</summary>
    public string? Device { get; set; }

    /// <summary>W3C trace context of the command that asked for it.</summary>
    public string? TraceParent { get; set; }

    /// <summary>The worker that holds it while it runs.</summary>
    public string? LeaseOwner { get; set; }

    /// <summary>When another worker may take it, unless the holder renews the lease before.</summary>
    public DateTimeOffset? LeaseExpiresAt { get; set; }

    /// <summary>Counts claims. A worker that lost its lease holds an old token, and its writes change nothing.</summary>
    public long FencingToken { get; set; }

    /// <summary>Claims that count against the limit: a worker's death counts, an orderly stop does not.</summary>
    public int Attempt { get; set; }

    /// <summary>Steps done, as last reported.</summary>
    public int Step { get; set; }

    /// <summary>Steps in all, as last reported.</summary>
    public int TotalSteps { get; set; }

    /// <summary>The whole text of the error that stopped it.</summary>
    public string? Error { get; set; }

    /// <summary>Somebody asked to stop it.</summary>
    public bool CancelRequested { get; set; }

    /// <summary>When it was queued first.</summary>
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>When it was claimed first.</summary>
    public DateTimeOffset? StartedAt { get; set; }

    /// <summary>When it completed, failed or was cancelled.</summary>
    public DateTimeOffset? FinishedAt { get; set; }

    /// <inheritdoc/>
    public long Version { get; set; }
}
