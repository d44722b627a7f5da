using Rlhf.Contracts.Labeling;

namespace Rlhf.Data.Entities;

/// <summary>One annotator's answer to one comparison task. Never deleted; a retracted one stops counting.</summary>
public sealed class Judgment
{
    /// <summary>Key (time-ordered).</summary>
    public Guid Id { get; set; } = Guid.CreateVersion7();

    /// <summary>The task.</summary>
    public required Guid TaskId { get; set; }

    /// <summary>The project of the task.</summary>
    public required Guid ProjectId { get; set; }

    /// <summary>Who answered; null for imported and simulated judgments. At most one judgment per task and annotator.</summary>
    public Guid? AnnotatorId { get; set; }

    /// <summary>One of <see cref="Choices"/>, in terms of the stored order.</summary>
    public required string Choice { get; set; }

    /// <summary>Whether the annotator saw completion B first.</summary>
    public bool PresentedSwapped { get; set; }

    /// <summary>The lease it was made under, unique; null where no lease was handed out.</summary>
    public Guid? LeaseToken { get; set; }

    /// <summary>One of <see cref="JudgmentSources"/>.</summary>
    public string Source { get; set; } = JudgmentSources.Human;

    /// <summary>One of <see cref="Splits"/>: that of the prompt when the judgment was made.</summary>
    public string Split { get; set; } = Splits.Train;

    /// <summary>Milliseconds from showing the task to the answer.</summary>
    public int DurationMs { get; set; }

    /// <summary>When it was stored.</summary>
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>When it was taken back; null while it counts.</summary>
    public DateTimeOffset? RetractedAt { get; set; }

    /// <summary>W3C trace context of the request that stored it: the cycle that counts it is linked to it.</summary>
    public string? TraceParent { get; set; }

    /// <summary>The cycle it was counted towards; null while it waits for the next one.</summary>
    public Guid? CycleId { get; set; }
}
