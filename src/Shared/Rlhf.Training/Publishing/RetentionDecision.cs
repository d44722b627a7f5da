using Rlhf.Data.Entities;

namespace Rlhf.Training.Publishing;

/// <summary>What the retention would do with a checkpoint's files.</summary>
/// <param name="Checkpoint">The checkpoint.</param>
/// <param name="KeptBecause">Why they stay; empty when they go.</param>
public sealed record RetentionDecision(Checkpoint Checkpoint, IReadOnlyList<string> KeptBecause)
{
    /// <summary>Whether the files go.</summary>
    public bool Removes => KeptBecause.Count == 0;
}
