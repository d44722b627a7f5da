namespace Rlhf.Contracts.Sampling;

/// <summary>New answers to compare are wanted. Sent by the planner; Trainer.Service inserts a sampling run, once per <see cref="CommandId"/>.</summary>
public sealed record SampleCompletions
{
    /// <summary>Identifies the command: the same id twice makes one run.</summary>
    public required Guid CommandId { get; init; }

    /// <summary>The project whose prompts are answered.</summary>
    public required Guid ProjectId { get; init; }

    /// <summary>The cycle the sampling belongs to; null when asked for by hand.</summary>
    public Guid? CycleId { get; init; }

    /// <summary>The policy to sample from.</summary>
    public required Guid CheckpointId { get; init; }

    /// <summary>How many prompts to answer.</summary>
    public required int PromptCount { get; init; }

    /// <summary>Answers per prompt (K).</summary>
    public required int CompletionsPerPrompt { get; init; }

    /// <summary>Seed of every random draw of the sampling.</summary>
    public required long Seed { get; init; }
}
