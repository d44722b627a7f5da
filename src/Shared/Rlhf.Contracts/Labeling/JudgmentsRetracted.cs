namespace Rlhf.Contracts.Labeling;

/// <summary>All judgments of an annotator in a project were taken back. Published by Labeling.Web, which marks the checkpoints that descend from them; the planner looks at the project again.</summary>
public sealed record JudgmentsRetracted
{
    /// <summary>The project.</summary>
    public required Guid ProjectId { get; init; }

    /// <summary>Whose judgments.</summary>
    public required Guid AnnotatorId { get; init; }

    /// <summary>Whether the cycles that counted them are to be run again without them.</summary>
    public bool Requeue { get; init; }

    /// <summary>Who took them back.</summary>
    public Guid? UserId { get; init; }
}
