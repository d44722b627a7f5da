namespace Rlhf.Data.Entities;

/// <summary>A run was trained on a judgment: the exact data of a checkpoint.</summary>
public sealed class RunJudgment
{
    /// <summary>The run.</summary>
    public required Guid RunId { get; set; }

    /// <summary>The judgment.</summary>
    public required Guid JudgmentId { get; set; }
}
