namespace Rlhf.Datasets.Cleaning;

/// <summary>
/// A simple identification of a text's language: by script where one script is mostly one language, else by which language's most frequent
/// function words make up the largest share of the words. It tells long texts of the known languages apart; it does not know short texts, code,
/// tables, or languages without a list, and takes close relatives for each other (Ukrainian for Russian, Galician for Portuguese).
/// </summary>
public static class LanguageGuess
{
    /// <summary>The least share of function words; running text of the known languages has 0.25 to 0.5.</summary>
    private const double LeastShare = 0.08;

    private static readonly (string Language, HashSet<string> FunctionWords)[] ByWords =
    [
        ("en", Set("the of and to in a is that for it as was with be by on not he i this are or his from at which but have an had they you were their one all we her she")),
        ("de", Set("der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat dass sie nach wird bei einer um am sind noch wie")),
        ("fr", Set("de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont la avec son aux d l qu cette ou nous vous je elle mais")),
        ("es", Set("de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha me si sin sobre este ya entre cuando todo esta ser son")),
        ("it", Set("di e il la che in a per un è del non le una i si con da l al dei come della più alla anche ha gli nel delle sono o ma dal lo su questo se ed")),
        ("pt", Set("de a o que e do da em um para com não uma os no se na por mais as dos como mas ao ele das à seu sua ou quando muito nos já eu também só pelo pela até")),
        ("nl", Set("de en van ik te dat die in een hij het niet zijn is was op aan met als voor had er maar om hem dan zou of wat mijn men dit zo door over ze zich bij ook")),
        ("pl", Set("i w na z do się nie że to jest o a jak ale po co tak za od przez dla przy był było być tym już tylko czy jego jej ich może go oraz który która które")),
        ("ru", Set("и в не на я что он с как это по но они мы она к из у же вы за бы так от то все его для о или если уже был быть этого когда только при")),
    ];

    /// <summary>The codes that <see cref="Of"/> can return, besides <c>und</c>.</summary>
    public static IReadOnlyList<string> Known { get; } = [.. ByWords.Select(l => l.Language).Concat(["zh", "ja", "ko", "el", "ar", "he", "th", "hi"]).Order(StringComparer.Ordinal)];

    /// <summary>The language of a text as ISO 639-1 has it; <c>und</c> (ISO 639-2, undetermined) if none fits.</summary>
    public static string Of(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (ByScript(text) is { } language)
        {
            return language;
        }

        var words = Words.Of(text);
        var best = ByWords.Select(l => (l.Language, Count: words.Count(l.FunctionWords.Contains))).MaxBy(l => l.Count);
        return words.Count > 0 && best.Count >= LeastShare * words.Count ? best.Language : "und";
    }

    // More than half of the letters; among Han characters, a twentieth of kana is Japanese.
    private static string? ByScript(string text)
    {
        int letters = 0, han = 0, kana = 0, hangul = 0, greek = 0, arabic = 0, hebrew = 0, thai = 0, devanagari = 0;
        foreach (var character in text)
        {
            if (!char.IsLetter(character))
            {
                continue;
            }

            letters++;
            _ = character switch
            {
                (>= '\u3400' and <= '\u9fff') or (>= '\uf900' and <= '\ufaff') => han++,
                >= '\u3040' and <= '\u30ff' => kana++,
                >= '\uac00' and <= '\ud7af' => hangul++,
                >= '\u0370' and <= '\u03ff' => greek++,
                >= '\u0600' and <= '\u06ff' => arabic++,
                >= '\u0590' and <= '\u05ff' => hebrew++,
                >= '\u0e00' and <= '\u0e7f' => thai++,
                >= '\u0900' and <= '\u097f' => devanagari++,
                _ => 0,
            };
        }

        (string, int)[] scripts =
        [
            (kana * 20 > han + kana ? "ja" : "zh", han + kana), ("ko", hangul), ("el", greek), ("ar", arabic), ("he", hebrew), ("th", thai), ("hi", devanagari),
        ];
        var (language, count) = scripts.MaxBy(s => s.Item2);
        return count * 2 > letters ? language : null;
    }

    private static HashSet<string> Set(string words) => [.. words.Split(' ')];
}
