namespace Rlhf.Contracts.Training;

/// <summary>The states of a run: queued → running → completed, failed or cancelled; a resumed or interrupted run is queued again.</summary>
public static class RunStatuses
{
    /// <summary>Waiting for a worker.</summary>
    public const string Queued = "queued";

    /// <summary>Claimed by a worker that holds an unexpired lease (or did so until it died).</summary>
    public const string Running = "running";

    /// <summary>Finished; its effects are committed.</summary>
    public const string Completed = "completed";

    /// <summary>Stopped by an error; it can be resumed.</summary>
    public const string Failed = "failed";

    /// <summary>Stopped because somebody asked for it.</summary>
    public const string Cancelled = "cancelled";

    /// <summary>Every legal value.</summary>
    public static IReadOnlyList<string> All { get; } = [Queued, Running, Completed, Failed, Cancelled];
}
