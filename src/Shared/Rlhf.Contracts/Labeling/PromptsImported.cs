namespace Rlhf.Contracts.Labeling;

/// <summary>Prompts were added to a project. Published by Labeling.Web; the cycle planner may sample answers for them.</summary>
public sealed record PromptsImported
{
    /// <summary>The project the prompts belong to.</summary>
    public required Guid ProjectId { get; init; }

    /// <summary>How many prompts the import added (duplicates not counted).</summary>
    public required int Count { get; init; }
}
