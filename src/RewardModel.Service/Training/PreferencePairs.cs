using Rlhf.Training.Batching;

namespace RewardModel.Service.Training;

/// <summary>From stored texts to <see cref="PreferencePair"/>s.</summary>
public static class PreferencePairs
{
    /// <summary>One comparison as tokens; both answers see the same prompt tokens, cut to fit the longer one.</summary>
    public static PreferencePair Encode(
        DialogueEncoder encoder, string prompt, string chosen, string rejected, bool isTie = false, bool chosenEnded = true, bool rejectedEnded = true)
    {
        var (chosenPrompt, chosenIds) = encoder.EncodePair(prompt, chosen, chosenEnded);
        var (rejectedPrompt, rejectedIds) = encoder.EncodePair(prompt, rejected, rejectedEnded);
        var shared = chosenPrompt.Length < rejectedPrompt.Length ? chosenPrompt : rejectedPrompt;
        return new PreferencePair(shared, chosenIds, rejectedIds, isTie);
    }
}
