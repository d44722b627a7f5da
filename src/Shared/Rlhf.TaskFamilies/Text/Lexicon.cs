namespace Rlhf.TaskFamilies.Text;

/// <summary>The closed vocabulary: every word that a template, a slot or a failure can bring, and nothing else.</summary>
internal static class Lexicon
{
    private static readonly Lazy<HashSet<string>> EnglishWords = new(() => Collect("en"));
    private static readonly Lazy<HashSet<string>> ChineseCharacters = new(() => Collect("zh"));

    /// <summary>The words (English) or characters (Chinese) that answers in the language may hold.</summary>
    public static IReadOnlySet<string> Of(string language) => language == "zh" ? ChineseCharacters.Value : EnglishWords.Value;

    private static HashSet<string> Collect(string language)
    {
        var phrases = TaskFamilyRegistry.All.Where(f => f.Language == language).Cast<IPhraseSource>().SelectMany(f => f.Phrases);
        var words = phrases.Concat(Vocabulary.All).Concat(Mishaps.Phrases)
            .SelectMany(p => AnswerText.WordsOf(Template.WithoutSlots(p)))
            .Where(w => IsChinese(w) == (language == "zh"));
        return words.ToHashSet(StringComparer.Ordinal);
    }

    private static bool IsChinese(string word) => word[0] is >= '\u4e00' and <= '\u9fff';
}
