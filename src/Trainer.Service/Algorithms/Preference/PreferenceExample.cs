namespace Trainer.Service.Algorithms.Preference;

/// <summary>Two completions of one prompt, of which one was preferred, as tokens.</summary>
/// <param name="Prompt">Prompt tokens, not empty.</param>
/// <param name="Chosen">Tokens of the preferred completion, EOS included; not empty.</param>
/// <param name="Rejected">Tokens of the other one; not empty.</param>
public sealed record PreferenceExample(int[] Prompt, int[] Chosen, int[] Rejected);

/// <summary>One completion that was called good or bad, as tokens.</summary>
/// <param name="Prompt">Prompt tokens, not empty.</param>
/// <param name="Completion">Completion tokens, EOS included; not empty.</param>
/// <param name="IsDesirable">The label.</param>
public sealed record UnpairedExample(int[] Prompt, int[] Completion, bool IsDesirable);
