namespace Rlhf.Contracts.Labeling;

/// <summary>Somebody wrote the answer a prompt should have got. Published by Labeling.Web; supervised fine-tuning uses demonstrations.</summary>
public sealed record DemonstrationRecorded
{
    /// <summary>The demonstration's row.</summary>
    public required Guid DemonstrationId { get; init; }

    /// <summary>The project of the prompt.</summary>
    public required Guid ProjectId { get; init; }

    /// <summary>Who wrote it; null for imports.</summary>
    public Guid? AnnotatorId { get; init; }
}
