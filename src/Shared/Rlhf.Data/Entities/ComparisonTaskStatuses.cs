namespace Rlhf.Data.Entities;

/// <summary>The states of a comparison task.</summary>
public static class ComparisonTaskStatuses
{
    /// <summary>Judgments are still wanted.</summary>
    public const string Open = "open";

    /// <summary>Enough judgments are there.</summary>
    public const string Done = "done";
}
