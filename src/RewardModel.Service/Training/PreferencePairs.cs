using Rlhf.Datasets;
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

    /// <summary>A preference row of a data set as tokens, likewise.</summary>
    public static PreferencePair Encode(DialogueEncoder encoder, DatasetRow row)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        ArgumentNullException.ThrowIfNull(row);
        var (chosenPrompt, chosenIds) = encoder.EncodePair(row.Prompt!, row.Completions[0]);
        var (rejectedPrompt, rejectedIds) = encoder.EncodePair(row.Prompt!, row.Completions[1]);
        return new PreferencePair(chosenPrompt.Length < rejectedPrompt.Length ? chosenPrompt : rejectedPrompt, chosenIds, rejectedIds, Margin: row.Margin ?? 0);
    }
}
