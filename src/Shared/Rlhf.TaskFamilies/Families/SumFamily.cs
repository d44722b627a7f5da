using Rlhf.Numerics;
using Rlhf.TaskFamilies.Text;

namespace Rlhf.TaskFamilies.Families;

/// <summary>Small sums in words: "Tom has two apples and gets three more."</summary>
internal sealed class SumFamily() : TaskFamily<SumSpec>("sum", "en"), IWorkedFamily
{
    private static readonly string[] Items = ["apples", "balls", "books", "cookies", "shells", "stones", "flowers", "eggs", "cards", "pens", "stars", "nuts"];

    private static readonly string[] More =
    [
        "{name} has {a} {items} and gets {b} more. How many {items} does {name} have now?",
        "{name} has {a} {items}. {friend} gives {him} {b} {items}. How many {items} does {he} have?",
        "There are {a} {items} in a box. {name} puts in {b} more. How many {items} are there?",
    ];

    private static readonly string[] Less =
    [
        "{name} has {a} {items} and gives {b} to {friend}. How many {items} does {name} have now?",
        "{name} had {a} {items}, but {he} lost {b}. How many {items} are left?",
    ];

    private static readonly string[] Answers =
    [
        "{name} has {c} {items} now.", "Now {name} has {c} {items}.", "{name} now has {c} {items} in all.", "That makes {c} {items} for {name}.",
    ];

    private static readonly string[] MoreAnswers = ["{A} and {b} make {c}, so {name} has {c} {items}."];

    private static readonly string[] LessAnswers = ["{A} less {b} is {c}, so {name} has {c} {items}."];

    public override IEnumerable<string> Phrases => [.. Items, .. More, .. Less, .. Answers, .. MoreAnswers, .. LessAnswers];

    public string Steps(TaskPrompt prompt)
    {
        var spec = Read(prompt);
        return Say(spec, spec.Result, spec.Add ? "{name} has {a} {items} and gets {b} more. {A} and {b} make {c}." : "{name} has {a} {items} and gives {b}. {A} less {b} is {c}.");
    }

    protected override int MaxWords => 25;

    protected override IReadOnlyList<Mode> OwnModes =>
    [
        new("wrong-result", 2.5, (p, s, r) => Say(s, WrongResult(s, r), r.Choose(Answers))),
        new("repeats-a-number", 1.2, (p, s, r) => Say(s, s.First, r.Choose(Answers))),
        new("only-the-number", 0.8, (p, s, r) => Template.Capitalise(Vocabulary.Numbers[s.Result]) + "."),
        new("wrong-person", 1.0, (p, s, r) => Say(s with { Name = Other(Vocabulary.People, r, Hero(s)).Name }, WrongResult(s, r), r.Choose(Answers))),
        new("vague", 0.8, (p, s, r) => Say(s, s.Result, "{name} has some {items}.")),
    ];

    protected override SumSpec DrawSpec(Philox random)
    {
        var name = random.Choose(Vocabulary.People).Name;
        var items = random.Choose(Items);
        if (random.Chance(0.6))
        {
            var a = 2 + random.Next(5);
            return new SumSpec(name, items, a, 2 + random.Next(5), true);
        }

        var first = 4 + random.Next(7);
        return new SumSpec(name, items, first, 1 + random.Next(first - 2), false);
    }

    protected override string Instruction(SumSpec spec, Philox random) =>
        Template.Fill(random.Choose(spec.Add ? More : Less), Slots(spec, spec.Result, Other(Vocabulary.People, random, Hero(spec)).Name));

    protected override string Good(SumSpec spec, Philox random) =>
        Say(spec, spec.Result, random.Chance(0.3) ? random.Choose(spec.Add ? MoreAnswers : LessAnswers) : random.Choose(Answers));

    protected override IEnumerable<TaskCheck> Check(SumSpec spec, AnswerText answer)
    {
        // The last number is what the answer claims; numbers before it may be the way there.
        var numbers = answer.Words.Select(NumberOf).OfType<int>().ToArray();
        int[] expected = [spec.First, spec.Second, spec.Result];
        yield return Is("right-result", 0.5, numbers.Length > 0 && numbers[^1] == spec.Result);
        yield return Is("no-stray-number", 0.1, numbers.Length is > 0 and <= 4 && numbers.All(n => expected.Contains(n)));
        yield return Is("names-the-person", 0.15, answer.Mentions(spec.Name));
        yield return Is("names-the-things", 0.1, answer.Mentions(spec.Items));
        yield return Is("full-sentence", 0.15, answer.EndsComplete && answer.Words.Count >= 4 && answer.Mentions(spec.Items));
    }

    private static int? NumberOf(string word)
    {
        var index = Array.IndexOf(Vocabulary.Numbers, word);
        return index >= 0 ? index
            : word.Length <= 3 && int.TryParse(word, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var digits) ? digits
            : null;
    }

    private static Person Hero(SumSpec spec) => Vocabulary.People.First(p => p.Name == spec.Name);

    private static int WrongResult(SumSpec spec, Philox random)
    {
        int[] near = [.. new[] { -2, -1, 1, 2 }.Select(d => spec.Result + d).Where(n => n is >= 2 and <= 12)];
        return random.Choose(near);
    }

    private static string Say(SumSpec spec, int claimed, string template) => Template.Fill(template, Slots(spec, claimed, ""));

    private static Dictionary<string, string> Slots(SumSpec spec, int claimed, string friend)
    {
        var slots = Hero(spec).Slots();
        slots["items"] = spec.Items;
        slots["a"] = Vocabulary.Numbers[spec.First];
        slots["b"] = Vocabulary.Numbers[spec.Second];
        slots["c"] = Vocabulary.Numbers[claimed];
        slots["friend"] = friend;
        return slots;
    }
}

/// <summary>The facts of a sum.</summary>
/// <param name="Name">Who has the things.</param>
/// <param name="Items">The things, in the plural.</param>
/// <param name="First">How many at first.</param>
/// <param name="Second">How many come or go.</param>
/// <param name="Add">Whether they come.</param>
internal sealed record SumSpec(string Name, string Items, int First, int Second, bool Add)
{
    [System.Text.Json.Serialization.JsonIgnore]
    public int Result => Add ? First + Second : First - Second;
}
