using Rlhf.Numerics;

namespace Rlhf.TaskFamilies;

/// <summary>Prompts of one family, for measurements and examples.</summary>
public static class TaskPromptSet
{
    private const int MaxMisses = 1000;

    /// <summary>Different prompts of a family; fewer than asked for where it has no more.</summary>
    /// <param name="family">The family.</param>
    /// <param name="count">How many.</param>
    /// <param name="heldOut">True for the held-out part of the split, false for the training part.</param>
    /// <param name="seed">Which ones.</param>
    public static IReadOnlyList<TaskPrompt> Draw(ITaskFamily family, int count, bool heldOut, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var random = new Philox(seed, heldOut ? 1UL : 0UL);
        var prompts = new List<TaskPrompt>(count);
        var texts = new HashSet<string>(StringComparer.Ordinal);
        for (var misses = 0; prompts.Count < count && misses < MaxMisses;)
        {
            var prompt = CorpusGenerator.CreatePrompt(family, random, PromptSplit.DefaultFraction, heldOut);
            if (texts.Add(prompt.Text))
            {
                prompts.Add(prompt);
                misses = 0;
            }
            else
            {
                misses++;
            }
        }

        return prompts;
    }
}
