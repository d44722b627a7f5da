using System.Text.RegularExpressions;
using Rlhf.Numerics;
using Rlhf.TaskFamilies;

namespace Rlhf.Bench.Learning.Tasks;

/// <summary>
/// The project's task family "opposite", word by word: "What is the opposite of hot? Use it in a sentence about Anna." The family's checker is the
/// score, and what its simulated authors get wrong is what responses without skill look like.
/// </summary>
public sealed partial class OppositeSentences : ILearningTask
{
    private const int FirstWord = 2;

    /// <summary>One random response in ten is a good one.</summary>
    private const double Quality = 0.1;

    private readonly ITaskFamily _family = TaskFamilyRegistry.Find("opposite");
    private readonly string[] _mistakes;
    private readonly TaskPrompt[] _tasks;
    private readonly string[] _words;
    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<string, TaskPrompt> _taskOf;

    /// <summary>Draws the prompts.</summary>
    /// <param name="prompts">How many.</param>
    /// <param name="seed">Seed of the prompts.</param>
    public OppositeSentences(int prompts = 20, ulong seed = 1002)
    {
        // These two answer like another family, whose words are not in this vocabulary.
        _mistakes = [.. _family.FailureModes.Except(["off-topic", "wrong-language"])];
        var random = new Philox(seed);
        _tasks = [.. Enumerable.Range(0, prompts).Select(_ => _family.CreatePrompt(random)).DistinctBy(task => task.Text)];
        var texts = _tasks.SelectMany(task => Enumerable.Range(0, 200).Select(_ => Answer(task, random)).Prepend(task.Text));
        _words = [.. texts.SelectMany(Words).Distinct().Order(StringComparer.Ordinal)];
        _ids = _words.Select((word, i) => (word, i)).ToDictionary(pair => pair.word, pair => pair.i + FirstWord, StringComparer.Ordinal);
        Prompts = [.. _tasks.Select(task => Words(task.Text).Select(word => _ids[word]).ToArray())];
        _taskOf = _tasks.Zip(Prompts).ToDictionary(pair => Key(pair.Second), pair => pair.First, StringComparer.Ordinal);
    }

    public string Name => "opposite";

    public string Metric => "the checker's score";

    public int VocabSize => _words.Length + FirstWord;

    public int MaxNewTokens => 18;

    /// <summary>Instructions of the family, a token a word.</summary>
    public IReadOnlyList<int[]> Prompts { get; }

    /// <summary>The checker's verdict on the words before EOS.</summary>
    public double Score(int[] prompt, int[] response) => _family.Score(_taskOf[Key(prompt)], Text(response)).Value;

    /// <summary>One of the family's mistakes, sometimes a good answer.</summary>
    public int[] Random(int[] prompt, Philox random)
    {
        while (true)
        {
            var words = Words(Answer(_taskOf[Key(prompt)], random)).ToArray();
            if (words.Length < MaxNewTokens && words.All(_ids.ContainsKey))
            {
                return [.. words.Select(word => _ids[word]), ILearningTask.Eos];
            }
        }
    }

    /// <summary>The words with a space before each but punctuation.</summary>
    internal string Text(IEnumerable<int> ids) => Punctuation().Replace(
        string.Join(' ', ids.TakeWhile(id => id != ILearningTask.Eos).Where(id => id >= FirstWord).Select(id => _words[id - FirstWord])), "$1");

    private static string Key(int[] prompt) => string.Join(' ', prompt);

    private static IEnumerable<string> Words(string text) => Tokens().Matches(text).Select(match => match.Value);

    private string Answer(TaskPrompt task, Philox random) =>
        random.Chance(Quality) ? _family.CreateAnswer(task, random, quality: 1) : _family.CreateFailure(task, random, random.Choose(_mistakes));

    [GeneratedRegex(@"[\w'-]+|[^\w\s]")]
    private static partial Regex Tokens();

    [GeneratedRegex(@" ([.,!?;:])")]
    private static partial Regex Punctuation();
}
