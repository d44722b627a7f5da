using Rlhf.Numerics;

namespace Rlhf.TaskFamilies;

/// <summary>
/// The text on which the small base model is pretrained: plain stories and dialogues whose answers are good or bad, as on the
/// web. Document i is drawn from Philox(seed, i) alone, so a reader can start anywhere and several can share the work.
/// </summary>
public static class CorpusGenerator
{
    // Stories need the most text to be learned, closed answers the least.
    private static readonly (string Family, double Weight)[] DialogueShares =
    [
        ("story", 3.0), ("question", 1.5), ("list", 1.2), ("thanks", 1.3), ("comfort", 1.5), ("opposite", 1.0), ("sum", 1.5), ("summary", 1.3),
        ("story-zh", 1.5), ("thanks-zh", 0.8), ("colour-zh", 0.7),
    ];

    private static readonly (string Family, double Weight)[] PlainShares = [("story", 4.0), ("story-zh", 1.0)];

    /// <summary>The documents from <paramref name="first"/> on, without end; take as many as needed.</summary>
    /// <param name="seed">The seed of the corpus.</param>
    /// <param name="options">What it is made of; the defaults if null.</param>
    /// <param name="first">The index of the first document.</param>
    public static IEnumerable<string> Documents(ulong seed, CorpusOptions? options = null, ulong first = 0)
    {
        for (var index = first; ; index++)
        {
            yield return Document(seed, index, options);
        }
    }

    /// <summary>One document: a story, or a prompt and an answer in the layout of <see cref="DialogueFormat"/>.</summary>
    /// <exception cref="ArgumentException">If the options are not valid.</exception>
    public static string Document(ulong seed, ulong index, CorpusOptions? options = null)
    {
        options ??= new CorpusOptions();
        if (options.Validate() is { Count: > 0 } errors)
        {
            throw new ArgumentException(string.Join(" ", errors), nameof(options));
        }

        var random = new Philox(seed, index);
        var isPlain = random.Chance(options.PlainShare);
        var family = TaskFamilyRegistry.Find(Draw(isPlain ? PlainShares : DialogueShares, random));
        var prompt = CreatePrompt(family, random, options.HeldOutFraction, heldOut: false);
        return isPlain
            ? family.CreateAnswer(prompt, random, quality: 1)
            : DialogueFormat.Dialogue(prompt.Text, family.CreateAnswer(prompt, random, options.Quality));
    }

    /// <summary>The next prompt of the family on the wanted side of the split.</summary>
    internal static TaskPrompt CreatePrompt(ITaskFamily family, Philox random, double heldOutFraction, bool heldOut)
    {
        while (true)
        {
            var prompt = family.CreatePrompt(random);
            if (PromptSplit.IsHeldOut(prompt.Text, heldOutFraction) == heldOut)
            {
                return prompt;
            }
        }
    }

    private static string Draw((string Family, double Weight)[] shares, Philox random)
    {
        var target = random.NextDouble() * shares.Sum(s => s.Weight);
        foreach (var (family, weight) in shares)
        {
            target -= weight;
            if (target < 0)
            {
                return family;
            }
        }

        return shares[^1].Family;
    }
}
