namespace Rlhf.TaskFamilies;

/// <summary>The layout of answers with worked steps.</summary>
public static class ChainOfThought
{
    /// <summary>Asks for steps without an example (Kojima et al. 2022, "Large language models are zero-shot reasoners").</summary>
    public const string Trigger = "Let's think step by step.";

    /// <summary>What stands between the steps and the answer (Wei et al. 2022, "Chain-of-thought prompting").</summary>
    public const string Marker = "The answer is:";

    /// <summary>Steps and answer together.</summary>
    public static string Answer(string steps, string answer) => $"{steps} {Marker} {answer}";

    /// <summary>The answer alone: what stands after the last marker, or all of a text without one.</summary>
    public static string Extract(string text) =>
        text.LastIndexOf(Marker, StringComparison.OrdinalIgnoreCase) is var at and >= 0 ? text[(at + Marker.Length)..].Trim() : text;
}
