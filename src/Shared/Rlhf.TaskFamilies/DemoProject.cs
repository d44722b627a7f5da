using Rlhf.Numerics;

namespace Rlhf.TaskFamilies;

/// <summary>What the demonstration project is filled with.</summary>
public static class DemoProject
{
    /// <summary>The project's name.</summary>
    public const string Name = "Small tasks and stories";

    /// <summary>How to judge, as Markdown; annotators see it beside every comparison.</summary>
    public const string Guidelines =
        """
        # How to judge

        You see an instruction and two answers. Choose the answer that you would rather get. If you cannot tell, choose **tie**.

        Ask in this order:

        1. **Does it do what was asked?** The right hero, animal, word, number, colour, person. An answer about something else is worse than a clumsy answer.
        2. **Is it right?** A wrong fact (the bag is blue, not red; three and two make five) is worse than a short answer that is right.
        3. **Is it kind?** Rude, cold or ungrateful answers lose against friendly ones.
        4. **Is it complete?** It ends with a full stop, does not break off, and does not say the same sentence twice.
        5. **Is it written well?** Whole sentences before single words. Longer is not better.

        Do not judge by taste: two good stories about the right hero are a **tie** unless one is clearly better told.

        Instructions and answers in Chinese are judged in the same way. An answer in the wrong language did not do what was asked.
        """;

    /// <summary>Prompts for the demonstration project, evenly over all families, without repetition.</summary>
    /// <param name="count">How many.</param>
    /// <param name="heldOut">True for the held-out part of the split, false for the training part.</param>
    /// <param name="seed">Which ones.</param>
    /// <param name="heldOutFraction">The share of all prompts that is held out (<see cref="PromptSplit"/>).</param>
    /// <exception cref="ArgumentOutOfRangeException">If the count is negative or the split has no such part.</exception>
    public static IReadOnlyList<TaskPrompt> Prompts(
        int count, bool heldOut, ulong seed = 1, double heldOutFraction = PromptSplit.DefaultFraction)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (heldOut ? heldOutFraction <= 0 : heldOutFraction >= 1)
        {
            throw new ArgumentOutOfRangeException(
                nameof(heldOutFraction), heldOutFraction, $"With this fraction there are no {(heldOut ? "held-out" : "training")} prompts.");
        }

        // Two streams, so that more training prompts do not change the held-out ones.
        var random = new Philox(seed, heldOut ? 1UL : 0UL);
        var prompts = new List<TaskPrompt>(count);
        var texts = new HashSet<string>(StringComparer.Ordinal);
        var misses = 0;
        for (var turn = 0; prompts.Count < count; turn++)
        {
            var family = TaskFamilyRegistry.All[turn % TaskFamilyRegistry.All.Count];
            var prompt = CorpusGenerator.CreatePrompt(family, random, heldOutFraction, heldOut);
            if (texts.Add(prompt.Text))
            {
                prompts.Add(prompt);
                misses = 0;
            }
            else if (++misses > 10_000)
            {
                throw new ArgumentOutOfRangeException(nameof(count), count, $"There are only about {prompts.Count} different prompts in this part.");
            }
        }

        return prompts;
    }
}
