using Rlhf.Contracts.Labeling;

namespace Labeling.Web.Features.Labeling;

/// <summary>One comparison as an annotator sees it: the task, the lease that lets this annotator judge it, and the texts in their presented order.</summary>
public sealed record Comparison
{
    public required Guid TaskId { get; init; }

    public required Guid ProjectId { get; init; }

    public required Guid PromptId { get; init; }

    /// <summary>Identifies the lease; a judgment is submitted with it, once.</summary>
    public required Guid LeaseToken { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    public required string Prompt { get; init; }

    /// <summary>The answer on the left (key 1).</summary>
    public required string First { get; init; }

    /// <summary>The answer on the right (key 2).</summary>
    public required string Second { get; init; }

    /// <summary>True if answer B of the task is presented first.</summary>
    public required bool PresentedSwapped { get; init; }

    /// <summary>The stored choice ("a" or "b") that the first answer stands for.</summary>
    public string FirstChoice => PresentedSwapped ? Choices.B : Choices.A;

    /// <summary>The stored choice ("a" or "b") that the second answer stands for.</summary>
    public string SecondChoice => PresentedSwapped ? Choices.A : Choices.B;
}

/// <summary>What became of a submitted judgment.</summary>
public enum SubmitOutcome
{
    /// <summary>The judgment is stored.</summary>
    Recorded,

    /// <summary>This lease had already been used; the first judgment stands and nothing was added.</summary>
    AlreadyRecorded,

    /// <summary>The lease ran out; somebody else may be judging the task now.</summary>
    LeaseExpired,

    /// <summary>The lease belongs to another annotator.</summary>
    ForeignLease,

    /// <summary>There is no such lease: it was released, or never given.</summary>
    UnknownLease,
}

/// <summary>The outcome of a submission and, where there is one, the stored judgment and its choice.</summary>
public sealed record SubmitResult(SubmitOutcome Outcome, Guid? JudgmentId = null, string? Choice = null)
{
    /// <summary>True if a judgment with this lease is stored.</summary>
    public bool IsStored => Outcome is SubmitOutcome.Recorded or SubmitOutcome.AlreadyRecorded;
}

/// <summary>Where a project stands, for the header of the comparison page.</summary>
/// <param name="OwnJudgments">Judgments of this annotator in the project.</param>
/// <param name="OwnToday">Of these, since midnight UTC.</param>
/// <param name="Collected">Judgments collected for the next reward model.</param>
/// <param name="Needed">Judgments a reward model waits for.</param>
/// <param name="OpenTasks">Comparisons that still need judgments, by anybody.</param>
/// <param name="CycleStatus">The running cycle's status, or null while judgments are collected.</param>
/// <param name="CycleNumber">The number of the running or last cycle.</param>
/// <param name="AutoCycle">Whether a cycle starts by itself once enough judgments are there.</param>
/// <param name="Paused">Whether the planner starts nothing new.</param>
/// <param name="Waits">Whether a stage of the cycle waits for the pause to end.</param>
public sealed record LabelingProgress(
    int OwnJudgments, int OwnToday, int Collected, int Needed, int OpenTasks, string? CycleStatus, int? CycleNumber, bool AutoCycle,
    bool Paused, bool Waits);
