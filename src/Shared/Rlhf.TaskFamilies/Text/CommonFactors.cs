namespace Rlhf.TaskFamilies.Text;

/// <summary>The factors that multiply every score: they close the ways to a high score without a good answer.</summary>
internal static class CommonFactors
{
    /// <summary>What rudeness leaves of a score.</summary>
    private const double RudeFactor = 0.3;

    /// <summary>What copying the whole prompt leaves of a score.</summary>
    private const double CopyFactor = 0.1;

    public static IEnumerable<TaskCheck> Of(AnswerText answer, string promptText, string language, int maxWords)
    {
        yield return Factor("known-words", Ramp(answer.KnownShare, 0.5, 1.0));
        // A fifth of new neighbours is free: the model may say what the sample never said. Half and fewer is no language.
        // One or two words ("Blue.") have too few neighbours to tell.
        yield return Factor("fluency", answer.Words.Count < 3 ? 1 : Ramp(Fluency.AttestedShare(answer, language), 0.5, 0.8));
        yield return Factor("no-repetition", NoRepetition(answer));
        yield return Factor("length", Length(answer, maxWords));
        yield return Factor("own-words", OwnWords(answer, promptText));
        yield return Factor("polite", answer.MentionsAny(Vocabulary.RudePhrases) ? RudeFactor : 1);
    }

    /// <summary>0 up to <paramref name="low"/>, 1 from <paramref name="high"/>, a straight line between.</summary>
    public static double Ramp(double value, double low, double high) => Math.Clamp((value - low) / (high - low), 0, 1);

    private static TaskCheck Factor(string name, double score) => new(name, score, 0);

    private static double NoRepetition(AnswerText answer)
    {
        var distinct = answer.Sentences.Select(s => string.Join(' ', s)).Distinct(StringComparer.Ordinal).Count();
        var sentences = (double)distinct / answer.Sentences.Count;
        var trigrams = Grams(answer.Words, 3);
        // Ordinary stories say "to the river" twice; from 85 % distinct word triples on nothing is deducted.
        var triples = trigrams.Count == 0 ? 1 : Ramp((double)trigrams.Distinct(StringComparer.Ordinal).Count() / trigrams.Count, 0.5, 0.85);
        return sentences * sentences * triples * Math.Pow(0.5, Math.Min(answer.Sentences.Sum(Stutters), 10));
    }

    private static int Stutters(string[] sentence)
    {
        var stutters = 0;
        for (var i = 1; i < sentence.Length; i++)
        {
            // Chinese doubles characters in ordinary words; three in a row are a stutter in either language.
            var isStutter = sentence[i] == sentence[i - 1]
                && (char.IsAscii(sentence[i][0]) || (i > 1 && sentence[i] == sentence[i - 2]));
            stutters += isStutter ? 1 : 0;
        }

        return stutters;
    }

    private static double Length(AnswerText answer, int maxWords)
    {
        // Beyond MaxChars the words are not counted; the characters tell the excess.
        var words = answer.Words.Count * Math.Max(1.0, (double)answer.TotalChars / AnswerText.MaxChars);
        var ratio = Math.Min(1, maxWords / words);
        return ratio * ratio;
    }

    private static double OwnWords(AnswerText answer, string promptText)
    {
        var grams = Grams(answer.Words, 4);
        if (grams.Count == 0)
        {
            return 1;
        }

        var asked = Grams(AnswerText.WordsOf(promptText), 4).ToHashSet(StringComparer.Ordinal);
        var copied = grams.Count(asked.Contains);
        // A short answer may well stand in the prompt ("Tom lost the doll."); a copy is an answer that is nearly all prompt
        // and holds much of it.
        var share = Ramp((double)copied / grams.Count, 0.75, 0.95);
        var coverage = Ramp((double)copied / Math.Max(1, asked.Count), 0.35, 0.7);
        return 1 - ((1 - CopyFactor) * share * coverage);
    }

    private static List<string> Grams(IReadOnlyList<string> words, int n)
    {
        var grams = new List<string>();
        for (var i = 0; i + n <= words.Count; i++)
        {
            grams.Add(string.Join(' ', words.Skip(i).Take(n)));
        }

        return grams;
    }
}
