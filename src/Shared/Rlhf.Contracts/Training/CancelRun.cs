namespace Rlhf.Contracts.Training;

/// <summary>A run is no longer wanted. Sent by Labeling.Web and the cycle planner; a running one stops at its next step.</summary>
public sealed record CancelRun
{
    /// <summary>The run to stop.</summary>
    public required Guid RunId { get; init; }
}
