namespace Rlhf.Data.Entities;

/// <summary>What the planner decided and the numbers it decided on.</summary>
public sealed class CycleDecision
{
    /// <summary>Key (time-ordered).</summary>
    public Guid Id { get; set; } = Guid.CreateVersion7();

    /// <summary>The project.</summary>
    public required Guid ProjectId { get; set; }

    /// <summary>The cycle, if the decision belongs to one.</summary>
    public Guid? CycleId { get; set; }

    /// <summary>What was decided, in one phrase.</summary>
    public required string Decision { get; set; }

    /// <summary>Who decided; null: the planner.</summary>
    public Guid? UserId { get; set; }

    /// <summary>The numbers compared, as JSON.</summary>
    public string NumbersJson { get; set; } = "{}";

    /// <summary>When.</summary>
    public DateTimeOffset CreatedAt { get; set; }
}
