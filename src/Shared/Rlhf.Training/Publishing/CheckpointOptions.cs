using System.ComponentModel.DataAnnotations;

namespace Rlhf.Training.Publishing;

/// <summary>Section "Checkpoints": how long the files of published checkpoints are kept. What is needed or pinned is kept in any case.</summary>
public sealed class CheckpointOptions
{
    /// <summary>Name of the section.</summary>
    public const string Section = "Checkpoints";

    /// <summary>Newest checkpoints of each kind that a project keeps.</summary>
    [Range(1, 1_000_000, ErrorMessage = "Checkpoints:KeepLast must lie between 1 and 1000000.")]
    public int KeepLast { get; set; } = 20;

    /// <summary>Days a checkpoint is kept whatever its number, and what a failed or cancelled run started from is kept for its being resumed.</summary>
    [Range(1, 36_500, ErrorMessage = "Checkpoints:KeepDays must lie between 1 and 36500.")]
    public int KeepDays { get; set; } = 30;
}
