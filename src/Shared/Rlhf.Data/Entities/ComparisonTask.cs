namespace Rlhf.Data.Entities;

/// <summary>Two answers to one prompt that annotators compare.</summary>
public sealed class ComparisonTask
{
    /// <summary>Key (time-ordered).</summary>
    public Guid Id { get; set; } = Guid.CreateVersion7();

    /// <summary>The project.</summary>
    public required Guid ProjectId { get; set; }

    /// <summary>The prompt both completions answer.</summary>
    public required Guid PromptId { get; set; }

    /// <summary>Completion A of the stored order.</summary>
    public required Guid CompletionAId { get; set; }

    /// <summary>Completion B of the stored order.</summary>
    public required Guid CompletionBId { get; set; }

    /// <summary>One of <see cref="ComparisonTaskStatuses"/>.</summary>
    public string Status { get; set; } = ComparisonTaskStatuses.Open;

    /// <summary>Judgments that count so far.</summary>
    public int JudgmentCount { get; set; }

    /// <summary>The sampling round of the project that opened the task, from 0.</summary>
    public int Round { get; set; }

    /// <summary>
    /// The evaluation whose two checkpoints answered; null for a task of the training loop. Judgments on an evaluation's task measure: they count towards no
    /// cycle, and no reward model is trained on them.
    /// </summary>
    public Guid? EvaluationRunId { get; set; }

    /// <summary>When the task was opened.</summary>
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>Order in which tasks are handed out within the project.</summary>
    public long Sequence { get; set; }
}
