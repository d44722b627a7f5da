namespace Rlhf.Bench.Learning;

/// <summary>The mean score that shows that a method has learned: well above what random responses and the first policy have.</summary>
internal static class Thresholds
{
    public static double Of(string task, string method) => (task, method) switch
    {
        // Accuracy on pairs that were never seen; a coin has 0.5.
        ("randomwalks", "reward") => 0.9,
        (_, "reward") => 0.8,

        // Random walks have 0.39. The methods that see scores of their own responses get nearly all there is.
        ("randomwalks", "ppo" or "grpo" or "rloo" or "reinforce" or "raft") => 0.9,
        ("randomwalks", "sft" or "distill" or "online-dpo") => 0.8,
        ("randomwalks", _) => 0.7,

        // Counting at random has 0.37. The best tenth of such responses has two right digits of three: what imitates it has 0.7 to 0.8.
        ("digits", "ppo" or "grpo" or "rloo" or "reinforce" or "raft") => 0.85,
        ("digits", "online-dpo") => 0.7,
        ("digits", "sft" or "kto" or "distill") => 0.6,
        ("digits", _) => 0.5,

        // The simulated authors' mistakes have 0.37, one response in ten is right.
        ("opposite", "sft" or "distill") => 0.9,
        ("opposite", "ppo" or "grpo" or "rloo" or "reinforce" or "raft") => 0.8,
        ("opposite", _) => 0.6,
        _ => throw new ArgumentException($"there is no threshold for {method} on {task}", nameof(task)),
    };
}
