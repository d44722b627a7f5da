using Rlhf.Numerics;

namespace Rlhf.TaskFamilies.Text;

/// <summary>
/// Tells sentences from word lists: the share of neighbouring words (with the sentence's borders) that also stand side by side
/// in good answers. Names, animals, colours, places and things count as their kind, so that "red kite" vouches for "blue hat".
/// </summary>
internal static class Fluency
{
    // The seed and size of the reference sample belong to the definition of the score: changing them changes verdicts slightly.
    private const ulong Seed = 0x666c75656e6379;
    private const int SamplesPerFamily = 1500;
    private const string Start = "<s>";
    private const string End = "</s>";

    private static readonly Dictionary<string, string> Kinds = CollectKinds();
    private static readonly Lazy<HashSet<(string, string)>> English = new(() => Collect("en"));
    private static readonly Lazy<HashSet<(string, string)>> Chinese = new(() => Collect("zh"));

    /// <summary>The share of attested neighbours in [0, 1].</summary>
    public static double AttestedShare(AnswerText answer, string language)
    {
        var known = language == "zh" ? Chinese.Value : English.Value;
        int all = 0, attested = 0;
        foreach (var pair in answer.Sentences.SelectMany(Pairs))
        {
            all++;
            attested += known.Contains(pair) ? 1 : 0;
        }

        return all == 0 ? 0 : (double)attested / all;
    }

    private static IEnumerable<(string, string)> Pairs(string[] sentence)
    {
        var previous = Start;
        foreach (var word in sentence)
        {
            var kind = Kinds.GetValueOrDefault(word, word);
            yield return (previous, kind);
            previous = kind;
        }

        yield return (previous, End);
    }

    private static HashSet<(string, string)> Collect(string language)
    {
        var pairs = new HashSet<(string, string)>();
        foreach (var family in TaskFamilyRegistry.All.Where(f => f.Language == language))
        {
            for (var i = 0UL; i < SamplesPerFamily; i++)
            {
                var random = new Philox(Seed, i);
                var answer = family.CreateAnswer(family.CreatePrompt(random), random, quality: 1);
                pairs.UnionWith(AnswerText.Read(answer, Lexicon.Of(language)).Sentences.SelectMany(Pairs));
            }
        }

        return pairs;
    }

    private static Dictionary<string, string> CollectKinds()
    {
        var kinds = new Dictionary<string, string>(StringComparer.Ordinal);
        Add("<name>", Vocabulary.People.Select(p => p.Name));
        Add("<animal>", Vocabulary.Animals);
        Add("<colour>", Vocabulary.Colours);
        Add("<thing>", Vocabulary.Toys.Concat(Vocabulary.Clothes).Concat(Vocabulary.Things));
        Add("<place>", Vocabulary.Places);
        Add("<number>", Vocabulary.Numbers);
        return kinds;

        void Add(string kind, IEnumerable<string> words)
        {
            foreach (var word in words)
            {
                kinds[word.ToLowerInvariant()] = kind;
            }
        }
    }
}
