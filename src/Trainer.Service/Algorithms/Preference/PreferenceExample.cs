using Rlhf.Training.Batching;

namespace Trainer.Service.Algorithms.Preference;

/// <summary>Two completions of one prompt, of which one was preferred, as tokens.</summary>
/// <param name="Prompt">Prompt tokens, not empty.</param>
/// <param name="Chosen">Tokens of the preferred completion, EOS included; not empty.</param>
/// <param name="Rejected">Tokens of the other one; not empty.</param>
public sealed record PreferenceExample(int[] Prompt, int[] Chosen, int[] Rejected)
{
    /// <summary>A comparison as tokens; both completions see the same prompt tokens, cut to fit the longer one.</summary>
    /// <param name="encoder">The policy's.</param>
    /// <param name="prompt">The prompt's text.</param>
    /// <param name="chosen">The preferred completion's text.</param>
    /// <param name="rejected">The other one's.</param>
    /// <param name="chosenEnded">Whether the preferred completion came to its end, and was not cut off when sampled.</param>
    /// <param name="rejectedEnded">The same of the other one.</param>
    public static PreferenceExample Encode(
        DialogueEncoder encoder, string prompt, string chosen, string rejected, bool chosenEnded = true, bool rejectedEnded = true)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        var (chosenPrompt, chosenIds) = encoder.EncodePair(prompt, chosen, chosenEnded);
        var (rejectedPrompt, rejectedIds) = encoder.EncodePair(prompt, rejected, rejectedEnded);
        return new PreferenceExample(chosenPrompt.Length < rejectedPrompt.Length ? chosenPrompt : rejectedPrompt, chosenIds, rejectedIds);
    }
}

/// <summary>One completion that was called good or bad, as tokens.</summary>
/// <param name="Prompt">Prompt tokens, not empty.</param>
/// <param name="Completion">Completion tokens, EOS included; not empty.</param>
/// <param name="IsDesirable">The label.</param>
public sealed record UnpairedExample(int[] Prompt, int[] Completion, bool IsDesirable);
