namespace Rlhf.Data.Entities;

/// <summary>An annotator is looking at a task. A task has as many slots as it may have annotators at the same time.</summary>
public sealed class TaskLease
{
    /// <summary>The task.</summary>
    public required Guid TaskId { get; set; }

    /// <summary>Number of the slot, from 0.</summary>
    public int Slot { get; set; }

    /// <summary>Who holds the slot.</summary>
    public required Guid AnnotatorId { get; set; }

    /// <summary>Identifies this handing-out; the judgment carries it, so that one lease makes at most one judgment.</summary>
    public Guid Token { get; set; } = Guid.CreateVersion7();

    /// <summary>When the slot may be given to somebody else.</summary>
    public DateTimeOffset ExpiresAt { get; set; }
}
