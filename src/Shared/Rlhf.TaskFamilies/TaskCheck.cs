namespace Rlhf.TaskFamilies;

/// <summary>One line of a verdict.</summary>
/// <param name="Name">What was checked, as docs/guides/task-families.md lists it.</param>
/// <param name="Score">How far it is met, in [0, 1].</param>
/// <param name="Weight">The share of the sum it carries; 0 marks a factor that multiplies the whole sum instead.</param>
public sealed record TaskCheck(string Name, double Score, double Weight)
{
    /// <summary>Whether the check is met in full.</summary>
    public bool Passed => Score >= 1.0 - 1e-9;

    /// <summary>Whether the check multiplies the weighted sum instead of being a part of it.</summary>
    public bool IsFactor => Weight == 0;
}
