namespace Rlhf.Contracts.Labeling;

/// <summary>A judgment was taken back and no longer counts. Published by Labeling.Web; the cycle planner counts again.</summary>
public sealed record JudgmentRetracted
{
    /// <summary>The judgment's row, which stays and carries the time of its retraction.</summary>
    public required Guid JudgmentId { get; init; }

    /// <summary>The project of the judgment.</summary>
    public required Guid ProjectId { get; init; }
}
