namespace Rlhf.TaskFamilies;

/// <summary>The verdict on one answer.</summary>
/// <param name="Value">The score in [0, 1]: the weighted sum of the checks times the product of the factors.</param>
/// <param name="Checks">What it is made of.</param>
public sealed record TaskScore(double Value, IReadOnlyList<TaskCheck> Checks)
{
    /// <summary>Whether every check is met in full.</summary>
    public bool Passed => Checks.All(c => c.Passed);
}
