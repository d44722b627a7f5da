namespace Rlhf.Contracts.Training;

/// <summary>
/// A run is wanted. Sent by Labeling.Web and the cycle planner; the service that executes this kind inserts the run
/// (its hyperparameters copied from the project), once per <see cref="CommandId"/>.
/// </summary>
public sealed record StartRun
{
    /// <summary>Identifies the command: the same id twice makes one run.</summary>
    public required Guid CommandId { get; init; }

    /// <summary>The project to train for.</summary>
    public required Guid ProjectId { get; init; }

    /// <summary>The cycle the run belongs to; null for a run started by hand.</summary>
    public Guid? CycleId { get; init; }

    /// <summary>One of <see cref="RunKinds"/>.</summary>
    public required string Kind { get; init; }

    /// <summary>Seed of every random draw of the run.</summary>
    public required long Seed { get; init; }

    /// <summary>The policy to start from; null where the kind starts from random weights.</summary>
    public Guid? PolicyCheckpointId { get; init; }

    /// <summary>The reward model to train against; null where the kind needs none.</summary>
    public Guid? RewardCheckpointId { get; init; }

    /// <summary>The policy an evaluation compares answers with; null for other kinds, or without a comparison.</summary>
    public Guid? BaselineCheckpointId { get; init; }

    /// <summary>Prompts whose two answers people compare blindly after an evaluation; null takes the project's number.</summary>
    public int? BlindComparisons { get; init; }

    /// <summary>Runs of a higher priority are claimed first; 0 by default.</summary>
    public int? Priority { get; init; }
}
