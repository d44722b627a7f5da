namespace Rlhf.Data.Entities;

/// <summary>One answer to a prompt.</summary>
public sealed class Completion
{
    /// <summary>Key (time-ordered).</summary>
    public Guid Id { get; set; } = Guid.CreateVersion7();

    /// <summary>The prompt.</summary>
    public required Guid PromptId { get; set; }

    /// <summary>The policy that wrote it; null for imported and simulated answers.</summary>
    public Guid? CheckpointId { get; set; }

    /// <summary>The answer, without dialogue markers.</summary>
    public required string Text { get; set; }

    /// <summary>"stop" when the end token was drawn, else "length".</summary>
    public string FinishReason { get; set; } = "stop";

    /// <summary>Sum of the log-probabilities of its tokens under the policy that wrote it.</summary>
    public double? Logprob { get; set; }

    /// <summary>When it was stored.</summary>
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>The sampling run that wrote it, if any.</summary>
    public Guid? RunId { get; set; }

    /// <summary>Number of the answer among those of its prompt in the run, from 0.</summary>
    public int Index { get; set; }
}
