namespace Rlhf.Contracts.Labeling;

/// <summary>Where a judgment came from.</summary>
public static class JudgmentSources
{
    /// <summary>A person on the labeling site.</summary>
    public const string Human = "human";

    /// <summary>The simulated annotator.</summary>
    public const string Simulated = "simulated";

    /// <summary>An imported data set.</summary>
    public const string Import = "import";

    /// <summary>Every legal value.</summary>
    public static IReadOnlyList<string> All { get; } = [Human, Simulated, Import];
}
