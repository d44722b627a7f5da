namespace Rlhf.Contracts.Training;

/// <summary>The names of an evaluation's win rates: whoever measures writes them, whoever ranks reads them.</summary>
public static class WinRateNames
{
    /// <summary>The task of a result that compares two policies. Its variant is the judge.</summary>
    public const string Task = "win_rate";

    /// <summary>The metric: the share of prompts whose answer was better, ties counting half.</summary>
    public const string Metric = "win_rate";

    /// <summary>The judge is the checker of a task family.</summary>
    public const string Checker = "checker";

    /// <summary>The judge is a reward model.</summary>
    public const string RewardModel = "reward-model";
}
