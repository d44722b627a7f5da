namespace Rlhf.Contracts.Labeling;

/// <summary>An annotator answered a comparison task. Published by Labeling.Web; the cycle planner counts judgments.</summary>
public sealed record JudgmentRecorded
{
    /// <summary>The judgment's row.</summary>
    public required Guid JudgmentId { get; init; }

    /// <summary>The comparison task that was answered.</summary>
    public required Guid TaskId { get; init; }

    /// <summary>The project of the task.</summary>
    public required Guid ProjectId { get; init; }

    /// <summary>Who answered; null for imported and simulated judgments.</summary>
    public Guid? AnnotatorId { get; init; }
}
