namespace Rlhf.Contracts.Training;

/// <summary>Sent by Labeling.Web when somebody resumes a project, starts a cycle by hand, or asks for one step of a paused one. The planner acts.</summary>
public sealed record AdvanceCycle
{
    /// <summary>The project.</summary>
    public required Guid ProjectId { get; init; }

    /// <summary>True: one stage (or, between cycles, a new cycle over the judgments there are), even while the project is paused or short of its threshold.</summary>
    public bool Step { get; init; }

    /// <summary>Who asked.</summary>
    public Guid? UserId { get; init; }
}
