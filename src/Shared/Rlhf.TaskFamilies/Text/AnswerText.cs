namespace Rlhf.TaskFamilies.Text;

/// <summary>An answer cut into words and sentences once, in one pass, for all checks.</summary>
internal sealed class AnswerText
{
    /// <summary>Longer answers are judged by their beginning (and for their length).</summary>
    public const int MaxChars = 2000;

    private AnswerText(string[] words, string[][] sentences, double knownShare, bool complete, int totalChars)
    {
        Words = words;
        Sentences = sentences;
        KnownShare = knownShare;
        EndsComplete = complete;
        TotalChars = totalChars;
        Joined = " " + string.Join(' ', words) + " ";
        WordSet = words.ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>Lower-case words; a Chinese character is a word of its own, and so is any character that no language here uses.</summary>
    public IReadOnlyList<string> Words { get; }

    /// <summary>The words by sentence.</summary>
    public IReadOnlyList<string[]> Sentences { get; }

    /// <summary>The share of words that belong to the vocabulary.</summary>
    public double KnownShare { get; }

    /// <summary>Whether the text ends with a full stop, an exclamation mark or a question mark.</summary>
    public bool EndsComplete { get; }

    /// <summary>The length of the whole answer in characters.</summary>
    public int TotalChars { get; }

    private string Joined { get; }

    private HashSet<string> WordSet { get; }

    /// <summary>Reads an answer.</summary>
    public static AnswerText Read(string answer, IReadOnlySet<string> lexicon)
    {
        var trimmed = answer.AsSpan().Trim();
        var text = trimmed.Length > MaxChars ? trimmed[..MaxChars] : trimmed;
        var words = new List<string>();
        var sentences = new List<string[]>();
        var sentenceStart = 0;
        var known = 0;
        var i = 0;
        while (i < text.Length)
        {
            var c = text[i];
            if (IsWordCharacter(c))
            {
                var start = i;
                // An apostrophe or hyphen belongs to a word only between two letters.
                while (i < text.Length && (IsWordCharacter(text[i])
                    || (IsInnerMark(text[i]) && i > start && i + 1 < text.Length && IsWordCharacter(text[i + 1]))))
                {
                    i++;
                }

                Add(text[start..i].ToString().ToLowerInvariant().Replace('’', '\''));
                continue;
            }

            if (IsTerminator(c))
            {
                EndSentence();
            }
            else if (!char.IsWhiteSpace(c) && !IsPunctuation(c))
            {
                Add(c.ToString());
            }

            i++;
        }

        EndSentence();
        var last = text.TrimEnd("\"'”’」)").TrimEnd();
        var complete = trimmed.Length == text.Length && last.Length > 0 && IsTerminator(last[^1]);
        return new AnswerText([.. words], [.. sentences], words.Count == 0 ? 0 : (double)known / words.Count, complete, trimmed.Length);

        void Add(string word)
        {
            words.Add(word);
            if (lexicon.Contains(word))
            {
                known++;
            }
        }

        void EndSentence()
        {
            if (words.Count > sentenceStart)
            {
                sentences.Add([.. words.Skip(sentenceStart)]);
                sentenceStart = words.Count;
            }
        }
    }

    /// <summary>The words of a text, as <see cref="Words"/> has them.</summary>
    public static IReadOnlyList<string> WordsOf(string text) => Read(text, EmptyLexicon).Words;

    /// <summary>Whether the phrase occurs as whole words, in this order, side by side.</summary>
    /// <param name="phrase">Words with single spaces between them (English) or characters (Chinese), without punctuation.</param>
    public bool Mentions(string phrase)
    {
        var isWord = phrase.All(char.IsAsciiLetterOrDigit);
        var isChinese = !char.IsAscii(phrase[0]);
        return isWord
            ? WordSet.Contains(phrase.ToLowerInvariant())
            : Joined.Contains($" {(isChinese ? string.Join(' ', phrase.AsEnumerable()) : phrase.ToLowerInvariant())} ", StringComparison.Ordinal);
    }

    /// <summary>Whether one of the phrases occurs.</summary>
    public bool MentionsAny(IEnumerable<string> phrases) => phrases.Any(Mentions);

    private static readonly HashSet<string> EmptyLexicon = [];

    private static bool IsWordCharacter(char c) => char.IsAsciiLetterOrDigit(c);

    private static bool IsInnerMark(char c) => c is '\'' or '-' or '’';

    private static bool IsTerminator(char c) => c is '.' or '!' or '?' or '\u3002' or '\uff01' or '\uff1f';

    private static bool IsPunctuation(char c) => c is ',' or ';' or ':' or '"' or '\'' or '-' or '(' or ')' or '“' or '”' or '’'
        or '\uff0c' or '\u3001' or '\uff1a' or '\uff1b' or '\u300c' or '\u300d';
}
