using System.Text.Encodings.Web;
using System.Text.Json;
using Rlhf.Numerics;
using Rlhf.TaskFamilies.Text;

namespace Rlhf.TaskFamilies;

/// <summary>What all families share: the JSON of the task, the draw between good and bad, the general mishaps and the factors.</summary>
/// <typeparam name="TSpec">The facts of one task; a record whose constructor parameters are all required.</typeparam>
internal abstract class TaskFamily<TSpec>(string name, string language) : ITaskFamily, IPhraseSource
    where TSpec : class
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
    };

    private IReadOnlyList<Mode>? _modes;

    public string Name { get; } = name;

    public string Language { get; } = language;

    public IReadOnlyList<string> FailureModes => [.. AllModes.Select(m => m.Name)];

    /// <inheritdoc />
    public abstract IEnumerable<string> Phrases { get; }

    /// <summary>Answers with more words than this lose score in proportion to the square of the excess.</summary>
    protected virtual int MaxWords => 60;

    /// <summary>The ways of failing that only this family has.</summary>
    protected abstract IReadOnlyList<Mode> OwnModes { get; }

    private IReadOnlyList<Mode> AllModes => _modes ??=
    [
        .. OwnModes,
        new("cut-off", 1.0, (p, s, r) => Mishaps.CutOff(Good(s, r), Language, r)),
        new("repeats", 1.2, (p, s, r) => Mishaps.Repeated(Good(s, r), Language, r)),
        new("off-topic", 1.0, (p, s, r) => OtherAnswer(r, sameLanguage: true)),
        new("rude", 1.0, (p, s, r) => Mishaps.WithRudeness(Good(s, r), Language, r)),
        new("too-short", 0.7, (p, s, r) => Mishaps.Curt(Language, r)),
        new("copies-prompt", 0.4, (p, s, r) => p.Text),
        new("wrong-language", 0.15, (p, s, r) => OtherAnswer(r, sameLanguage: false)),
    ];

    public TaskPrompt CreatePrompt(Philox random)
    {
        var spec = DrawSpec(random);
        return new TaskPrompt(Name, Instruction(spec, random), JsonSerializer.Serialize(spec, Json));
    }

    public string CreateAnswer(TaskPrompt prompt, Philox random, double quality)
    {
        var spec = Read(prompt);
        if (random.Chance(quality))
        {
            return Good(spec, random);
        }

        var target = random.NextDouble() * AllModes.Sum(m => m.Weight);
        foreach (var mode in AllModes)
        {
            target -= mode.Weight;
            if (target < 0)
            {
                return mode.Make(prompt, spec, random);
            }
        }

        return AllModes[^1].Make(prompt, spec, random);
    }

    public string CreateFailure(TaskPrompt prompt, Philox random, string mode)
    {
        var found = AllModes.FirstOrDefault(m => m.Name == mode)
            ?? throw new ArgumentException($"Family '{Name}' has no failure mode '{mode}'; it has {string.Join(", ", FailureModes)}.", nameof(mode));
        return found.Make(prompt, Read(prompt), random);
    }

    public TaskScore Score(TaskPrompt prompt, string answer)
    {
        var spec = Read(prompt);
        var text = AnswerText.Read(answer, Lexicon.Of(Language));
        if (text.Words.Count == 0)
        {
            return new TaskScore(0, [new TaskCheck("not-empty", 0, 1)]);
        }

        TaskCheck[] parts = [.. Check(spec, text)];
        TaskCheck[] factors = [.. CommonFactors.Of(text, prompt.Text, Language, MaxWords)];
        var value = parts.Sum(c => c.Weight * c.Score);
        foreach (var factor in factors)
        {
            value *= factor.Score;
        }

        return new TaskScore(Math.Clamp(value, 0, 1), [.. parts, .. factors]);
    }

    /// <summary>A random task.</summary>
    protected abstract TSpec DrawSpec(Philox random);

    /// <summary>One way of asking for it.</summary>
    protected abstract string Instruction(TSpec spec, Philox random);

    /// <summary>An answer that passes every check.</summary>
    protected abstract string Good(TSpec spec, Philox random);

    /// <summary>The weighted checks of this family; their weights sum to 1.</summary>
    protected abstract IEnumerable<TaskCheck> Check(TSpec spec, AnswerText answer);

    /// <summary>A check that is met or not.</summary>
    protected static TaskCheck Is(string name, double weight, bool met) => new(name, met ? 1 : 0, weight);

    /// <summary>A check that is met by degrees.</summary>
    protected static TaskCheck Graded(string name, double weight, double score) => new(name, Math.Clamp(score, 0, 1), weight);

    /// <summary>One of the items other than those given.</summary>
    protected static T Other<T>(IReadOnlyList<T> items, Philox random, params T[] not)
    {
        var start = random.Next(items.Count);
        for (var i = 0; i < items.Count; i++)
        {
            var item = items[(start + i) % items.Count];
            if (!not.Contains(item))
            {
                return item;
            }
        }

        throw new ArgumentException("Every item is excluded.", nameof(not));
    }

    /// <summary>The facts of a prompt of this family.</summary>
    protected TSpec Read(TaskPrompt prompt)
    {
        if (prompt.Family != Name)
        {
            throw new ArgumentException($"The prompt belongs to family '{prompt.Family}', not to '{Name}'.", nameof(prompt));
        }

        try
        {
            return JsonSerializer.Deserialize<TSpec>(prompt.SpecJson, Json) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            throw new ArgumentException($"SpecJson of a '{Name}' prompt is not a {typeof(TSpec).Name}: {e.Message}", nameof(prompt), e);
        }
    }

    private string OtherAnswer(Philox random, bool sameLanguage)
    {
        var others = TaskFamilyRegistry.All.Where(f => f.Name != Name && (f.Language == Language) == sameLanguage).ToArray();
        var family = random.Choose(others);
        return family.CreateAnswer(family.CreatePrompt(random), random, quality: 1);
    }

    /// <summary>A way of failing, how often it happens relative to the others, and how it is made.</summary>
    protected sealed record Mode(string Name, double Weight, Func<TaskPrompt, TSpec, Philox, string> Make);
}
