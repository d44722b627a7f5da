namespace Rlhf.Bench.Learning;

/// <summary>The mean score that shows that a method has learned: well above what random responses and the first policy have.</summary>
internal static class Thresholds
{
    public static double Of(string task, string method) => (task, method) switch
    {
        ("randomwalks", "sft") => 0.7,
        ("randomwalks", "ppo" or "grpo" or "rloo" or "reinforce") => 0.8,
        ("randomwalks", _) => 0.6,
        ("digits", "ppo" or "grpo" or "rloo" or "reinforce") => 0.8,
        _ => 0.5,
    };
}
