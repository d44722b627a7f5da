namespace Rlhf.Contracts.Sampling;

/// <summary>New comparison tasks are open. Published by Trainer.Service; annotators' pages fetch the next task.</summary>
public sealed record CompletionsSampled
{
    /// <summary>The sampling run.</summary>
    public required Guid RunId { get; init; }

    /// <summary>The project the tasks belong to.</summary>
    public required Guid ProjectId { get; init; }

    /// <summary>The cycle the sampling belongs to, if any.</summary>
    public Guid? CycleId { get; init; }

    /// <summary>The policy that was sampled from.</summary>
    public required Guid CheckpointId { get; init; }

    /// <summary>The round of comparison tasks the sampling opened.</summary>
    public required int Round { get; init; }
}
