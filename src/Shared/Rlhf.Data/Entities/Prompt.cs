using Rlhf.Contracts.Labeling;

namespace Rlhf.Data.Entities;

/// <summary>A human instruction to answer.</summary>
public sealed class Prompt
{
    /// <summary>Key (time-ordered).</summary>
    public Guid Id { get; set; } = Guid.CreateVersion7();

    /// <summary>The project.</summary>
    public required Guid ProjectId { get; set; }

    /// <summary>The instruction alone, without dialogue markers.</summary>
    public required string Text { get; set; }

    /// <summary>One of <see cref="Splits"/>.</summary>
    public string Split { get; set; } = Splits.Train;

    /// <summary>The task family that can check answers, if any.</summary>
    public string? Family { get; set; }

    /// <summary>What the checker of the family needs, as JSON.</summary>
    public string? SpecJson { get; set; }

    /// <summary>SHA-256 of the text in lower-case hexadecimal; unique within a project.</summary>
    public required string ContentHash { get; set; }

    /// <summary>Order within the project.</summary>
    public long Sequence { get; set; }

    /// <summary>When the prompt was added.</summary>
    public DateTimeOffset CreatedAt { get; set; }
}
