using Rlhf.Numerics;
using Rlhf.TaskFamilies.Text;

namespace Rlhf.TaskFamilies.Families;

/// <summary>Somebody is sad and asks for advice: the answer shows feeling, stays with the matter, and suggests something.</summary>
internal sealed class ComfortFamily() : TaskFamily<ComfortSpec>("comfort", "en")
{
    // {thing}, {pet} and {name} are drawn into the spec; Key is what an answer to this trouble mentions.
    private static readonly Trouble[] Troubles =
    [
        new("lost", "I lost my {thing}", "you lost your {thing}", "{thing}",
            ["You can look for the {thing} in every room.", "Maybe a friend can help you look for the {thing}.", "Try to remember where you had the {thing} last."]),
        new("broken", "my {thing} is broken", "your {thing} is broken", "{thing}",
            ["Maybe your father can mend the {thing}.", "You can ask somebody to mend the {thing}.", "Try to put the {thing} together again with a friend."]),
        new("sick", "my {pet} is sick", "your {pet} is sick", "{pet}",
            ["You can ask a doctor to look at the {pet}.", "Try to keep the {pet} warm and let it sleep.", "Maybe some rest and water will help the {pet}."]),
        new("away", "my {pet} ran away", "your {pet} ran away", "{pet}",
            ["You can ask all your friends to look for the {pet}.", "Maybe the {pet} will come home when it is hungry.", "Try to call the {pet} in the garden."]),
        new("moved", "my friend {name} moved away", "{name} moved away", "{name}",
            ["You can write {name} a letter every week.", "Maybe you can visit {name} soon.", "Try to draw a picture for {name}."]),
        new("fight", "I had a fight with {name}", "you had a fight with {name}", "{name}",
            ["You can tell {name} that you are sorry.", "Maybe you and {name} can talk about it.", "Try to do something nice with {name}."]),
        new("test", "I did badly in my {subject} test", "you did badly in your {subject} test", "test",
            ["You can read a little every day before the next test.", "Maybe your teacher can help you before the next test.", "Try to rest well before the next test."]),
        new("alone", "nobody plays with me at {place}", "nobody plays with you at {place}", "play",
            ["You can ask one of the children to play with you.", "Maybe somebody else wants to play too.", "Try to bring a ball and ask who wants to play."]),
    ];

    private static readonly string[] Pets = ["dog", "cat", "kitten", "puppy", "pony", "rabbit", "hamster"];

    private static readonly string[] Subjects = ["reading", "music", "writing", "spelling", "drawing"];

    private static readonly string[] Spots = ["school", "the park", "the beach", "the farm", "the pool"];

    private static readonly string[] Lost = [.. Vocabulary.Toys, .. Vocabulary.Clothes, "book", "bike", "bag", "umbrella", "lamp"];

    private static readonly string[] Breakable = [.. Vocabulary.Toys, "bike", "umbrella", "lamp", "cup", "chair"];

    private static readonly string[] Instructions =
        ["I am sad because {trouble}. What should I do?", "{Trouble}. I feel very sad. Can you help me?", "{Trouble}, and I do not know what to do.", "I want to cry because {trouble}. Please help me."];

    private static readonly string[] Empathy =
        ["I am so sorry that {yours}.", "Oh, I am sorry to hear that {yours}.", "That must be hard for you.", "I can see why you feel sad.", "I am sorry, that sounds very sad."];

    private static readonly string[] Hope =
        ["I am sure it will be better soon.", "You are not alone.", "I am here for you.", "Do not give up.", "Soon you will smile again.", "Take your time."];

    private static readonly string[] EmpathyMarks = ["sorry", "must be hard", "see why you feel sad"];

    private static readonly string[] SuggestionMarks = ["you can", "maybe", "try to"];

    private static readonly string[] Dismissive =
    [
        "Stop crying, it is your own fault.", "Who cares that {yours}?", "I do not care. Everybody has bad days.", "That is stupid. Go away.",
        "That is boring. Leave me alone.",
    ];

    private static readonly string[] Cold = ["That happens all the time.", "I have nothing to say about that.", "Other children have it much worse.", "So what? Forget about it."];

    public override IEnumerable<string> Phrases =>
    [
        .. Troubles.SelectMany(t => t.Suggestions.Append(t.Text).Append(t.Yours)), .. Pets, .. Subjects, .. Spots, .. Lost, .. Breakable, .. Instructions,
        .. Empathy, .. Hope, .. Dismissive, .. Cold, "plays playing",
    ];

    protected override int MaxWords => 45;

    protected override IReadOnlyList<Mode> OwnModes =>
    [
        new("dismissive", 1.5, (p, s, r) => Fill(r.Choose(Dismissive), s)),
        new("cold", 1.2, (p, s, r) => r.Choose(Cold)),
        new("no-suggestion", 1.2, (p, s, r) => Fill(r.Choose(Empathy), s)),
        new("no-empathy", 1.2, (p, s, r) => Fill(r.Choose(Find(s).Suggestions), s)),
        new("about-something-else", 1.2, (p, s, r) => OtherTrouble(s, r)),
    ];

    protected override ComfortSpec DrawSpec(Philox random)
    {
        var trouble = random.Choose(Troubles);
        var subject = trouble.Key switch
        {
            "{thing}" => random.Choose(trouble.Name == "broken" ? Breakable : Lost),
            "{pet}" => random.Choose(Pets),
            "{name}" => random.Choose(Vocabulary.People).Name,
            "test" => random.Choose(Subjects),
            _ => random.Choose(Spots),
        };
        return new ComfortSpec(trouble.Name, subject);
    }

    protected override string Instruction(ComfortSpec spec, Philox random)
    {
        var text = Fill(Find(spec).Text, spec, capitalise: false);
        return Template.Fill(random.Choose(Instructions), new Dictionary<string, string> { ["trouble"] = text });
    }

    protected override string Good(ComfortSpec spec, Philox random)
    {
        var answer = Fill(random.Choose(Empathy), spec) + " " + Fill(random.Choose(Find(spec).Suggestions), spec);
        return random.Chance(0.7) ? answer + " " + random.Choose(Hope) : answer;
    }

    protected override IEnumerable<TaskCheck> Check(ComfortSpec spec, AnswerText answer)
    {
        var key = Fill(Find(spec).Key, spec, capitalise: false);
        yield return Is("empathy", 0.3, answer.MentionsAny(EmpathyMarks));
        yield return Is("suggestion", 0.25, answer.MentionsAny(SuggestionMarks));
        yield return Is("about-the-trouble", 0.25, answer.MentionsAny([key, key + "s"]));
        yield return Graded("two-sentences-complete", 0.2, !answer.EndsComplete ? 0 : answer.Sentences.Count >= 2 ? 1 : 0);
    }

    private static Trouble Find(ComfortSpec spec) => Troubles.FirstOrDefault(t => t.Name == spec.Trouble)
        ?? throw new ArgumentException($"There is no trouble '{spec.Trouble}'; there are {string.Join(", ", Troubles.Select(t => t.Name))}.", nameof(spec));

    private string OtherTrouble(ComfortSpec spec, Philox random)
    {
        while (true)
        {
            var other = DrawSpec(random);
            var answer = Good(other, random);
            if (Find(other).Key != Find(spec).Key && !AnswerText.WordsOf(answer).Contains(Fill(Find(spec).Key, spec, capitalise: false).ToLowerInvariant()))
            {
                return answer;
            }
        }
    }

    private static string Fill(string template, ComfortSpec spec, bool capitalise = true)
    {
        // Yours is a clause inside a sentence; its own slots are filled first.
        string[] keys = ["thing", "pet", "name", "subject", "place"];
        var slots = keys.ToDictionary(k => k, _ => spec.Subject);
        slots["yours"] = FillClause(Find(spec).Yours, slots);
        return capitalise ? Template.Fill(template, slots) : FillClause(template, slots);
    }

    /// <summary>Fills a template that does not begin a sentence: its first letter stays as it is.</summary>
    private static string FillClause(string clause, Dictionary<string, string> slots) => Template.Fill("- " + clause, slots)[2..];

    private sealed record Trouble(string Name, string Text, string Yours, string Key, string[] Suggestions);
}

/// <summary>The facts of a comfort task.</summary>
/// <param name="Trouble">Which trouble it is.</param>
/// <param name="Subject">The thing, pet, person, subject or place that it is about.</param>
internal sealed record ComfortSpec(string Trouble, string Subject);
