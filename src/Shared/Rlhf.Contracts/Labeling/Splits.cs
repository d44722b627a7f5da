namespace Rlhf.Contracts.Labeling;

/// <summary>What a prompt and the judgments on it may be used for.</summary>
public static class Splits
{
    /// <summary>Training data.</summary>
    public const string Train = "train";

    /// <summary>Held out: measured on, never trained on.</summary>
    public const string HeldOut = "heldout";

    /// <summary>Every legal value.</summary>
    public static IReadOnlyList<string> All { get; } = [Train, HeldOut];
}
