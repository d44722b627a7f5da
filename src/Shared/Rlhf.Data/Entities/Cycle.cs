namespace Rlhf.Data.Entities;

/// <summary>One turn of the loop: reward model, policy, new samples.</summary>
public sealed class Cycle
{
    /// <summary>Key (time-ordered).</summary>
    public Guid Id { get; set; } = Guid.CreateVersion7();

    /// <summary>The project.</summary>
    public required Guid ProjectId { get; set; }

    /// <summary>Counts up from 1 within the project.</summary>
    public int Number { get; set; }

    /// <summary>One of <see cref="CycleStatuses"/>.</summary>
    public string Status { get; set; } = CycleStatuses.RewardModel;

    /// <summary>When the cycle started.</summary>
    public DateTimeOffset StartedAt { get; set; }

    /// <summary>When it ended, whatever way.</summary>
    public DateTimeOffset? FinishedAt { get; set; }

    /// <summary>The policy it began with.</summary>
    public Guid? PolicyCheckpointId { get; set; }

    /// <summary>The stage that waits for a paused project to go on, one of <see cref="CycleStatuses"/>; null: nothing waits.</summary>
    public string? NextStage { get; set; }

    /// <summary>Its reward model run.</summary>
    public Guid? RewardRunId { get; set; }

    /// <summary>Its policy run.</summary>
    public Guid? PpoRunId { get; set; }

    /// <summary>Its sampling run.</summary>
    public Guid? SampleRunId { get; set; }

    /// <summary>Why it failed or was halted.</summary>
    public string? Reason { get; set; }
}
