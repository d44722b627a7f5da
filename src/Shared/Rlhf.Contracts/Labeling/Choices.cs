namespace Rlhf.Contracts.Labeling;

/// <summary>The values of a judgment's choice, always in terms of the stored order of the task, whatever order was shown.</summary>
public static class Choices
{
    /// <summary>Completion A is better.</summary>
    public const string A = "a";

    /// <summary>Completion B is better.</summary>
    public const string B = "b";

    /// <summary>Neither is better.</summary>
    public const string Tie = "tie";

    /// <summary>Every legal value.</summary>
    public static IReadOnlyList<string> All { get; } = [A, B, Tie];
}
