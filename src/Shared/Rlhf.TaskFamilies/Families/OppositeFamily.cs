using Rlhf.Numerics;
using Rlhf.TaskFamilies.Text;

namespace Rlhf.TaskFamilies.Families;

/// <summary>"What is the opposite of hot? Use it in a sentence about Anna."</summary>
internal sealed class OppositeFamily() : TaskFamily<OppositeSpec>("opposite", "en")
{
    // Word → its opposite and things that the opposite goes with.
    private static readonly Pair[] Pairs =
    [
        new("hot", "cold", ["drink", "day", "house"]), new("cold", "hot", ["soup", "day", "drink"]),
        new("big", "small", ["mouse", "cup", "box"]), new("small", "big", ["tree", "bear", "house"]),
        new("fast", "slow", ["turtle", "train", "song"]), new("slow", "fast", ["horse", "car", "fox"]),
        new("old", "new", ["book", "coat", "bike"]), new("new", "old", ["tree", "house", "book"]),
        new("wet", "dry", ["coat", "leaf", "stone"]), new("dry", "wet", ["dog", "coat", "umbrella"]),
        new("clean", "dirty", ["shirt", "window", "dog"]), new("dirty", "clean", ["shirt", "cup", "window"]),
        new("loud", "quiet", ["place", "song", "mouse"]), new("quiet", "loud", ["drum", "bell", "song"]),
        new("full", "empty", ["cup", "basket", "box"]), new("empty", "full", ["basket", "bag", "cup"]),
        new("hard", "soft", ["bed", "blanket", "toy"]), new("soft", "hard", ["stone", "chair", "nut"]),
        new("sweet", "sour", ["lemon", "cherry", "drink"]), new("sour", "sweet", ["cake", "pear", "cookie"]),
        new("weak", "strong", ["bear", "horse", "box"]), new("strong", "weak", ["lamp", "bridge", "rope"]),
        new("thick", "thin", ["book", "coat", "line"]), new("thin", "thick", ["blanket", "book", "tree"]),
        new("happy", "sad", ["song", "story", "dog"]), new("sad", "happy", ["song", "story", "dog"]),
        new("dark", "bright", ["lamp", "star", "room"]), new("bright", "dark", ["forest", "room", "night"]),
        new("high", "low", ["bridge", "chair", "hill"]), new("low", "high", ["hill", "tree", "bridge"]),
        new("open", "closed", ["door", "box", "window"]), new("closed", "open", ["door", "window", "book"]),
        new("cheap", "expensive", ["coat", "car", "ring"]), new("rough", "smooth", ["stone", "road", "table"]),
    ];

    private static readonly string[] Instructions =
    [
        "What is the opposite of {word}? Use it in a sentence about {name}.",
        "Tell me the opposite of {word} and use it in a sentence with {name}.",
        "Give the opposite of {word}. Then write a sentence about {name} with it.",
    ];

    private static readonly string[] Statements = ["The opposite of {word} is {opposite}."];

    private static readonly string[] Sentences =
    [
        "{name} sees a {opposite} {thing}.", "{name} has a {opposite} {thing}.", "{name} likes the {opposite} {thing}.",
        "{name} looks at a {opposite} {thing}.", "{name} dreams of a {opposite} {thing}.", "{name} and {friend} see a {opposite} {thing}.",
    ];

    public override IEnumerable<string> Phrases =>
        [.. Pairs.SelectMany(p => p.Things.Append(p.Word).Append(p.Opposite)), .. Instructions, .. Statements, .. Sentences];

    protected override int MaxWords => 30;

    protected override IReadOnlyList<Mode> OwnModes =>
    [
        new("same-word", 1.5, (p, s, r) => Say(s, s.Word, r)),
        new("wrong-opposite", 1.8, (p, s, r) => Say(s, Other(Pairs, r, [.. Pairs.Where(x => x.Opposite == s.Opposite || x.Opposite == s.Word)]).Opposite, r)),
        new("no-sentence", 1.2, (p, s, r) => Statement(s, s.Opposite)),
        new("wrong-person", 1.2, (p, s, r) => WrongPerson(s, r)),
    ];

    protected override OppositeSpec DrawSpec(Philox random)
    {
        var pair = random.Choose(Pairs);
        return new OppositeSpec(pair.Word, pair.Opposite, random.Choose(Vocabulary.People).Name);
    }

    protected override string Instruction(OppositeSpec spec, Philox random) => Template.Fill(
        random.Choose(Instructions), new Dictionary<string, string> { ["word"] = spec.Word, ["name"] = spec.Name });

    protected override string Good(OppositeSpec spec, Philox random) => Say(spec, spec.Opposite, random);

    protected override IEnumerable<TaskCheck> Check(OppositeSpec spec, AnswerText answer)
    {
        var uses = answer.Sentences.Where(s => !s.Contains("opposite")).ToArray();
        yield return Is("opposite-named", 0.35, answer.Mentions(spec.Opposite));
        yield return Is("used-in-a-sentence", 0.25, uses.Any(s => s.Contains(spec.Opposite) && s.Length >= 4));
        yield return Is("about-the-person", 0.2, uses.Any(s => s.Contains(spec.Name.ToLowerInvariant()) && s.Length >= 3));
        yield return Is("complete-ending", 0.1, answer.EndsComplete && answer.Sentences.Count >= 2);
        yield return Is("no-other-adjective", 0.1, answer.Mentions(spec.Opposite)
            && Pairs.All(p => p.Opposite == spec.Opposite || p.Opposite == spec.Word || !answer.Mentions(p.Opposite)));
    }

    private static string OtherName(OppositeSpec spec, Philox random) =>
        Other(Vocabulary.People, random, Vocabulary.People.First(p => p.Name == spec.Name)).Name;

    private static string WrongPerson(OppositeSpec spec, Philox random)
    {
        while (true)
        {
            // The companion of the sentence may be the very person asked for.
            var answer = Say(spec with { Name = OtherName(spec, random) }, spec.Opposite, random);
            if (!answer.Contains(spec.Name, StringComparison.Ordinal))
            {
                return answer;
            }
        }
    }

    private static string Statement(OppositeSpec spec, string opposite) =>
        Template.Fill(Statements[0], new Dictionary<string, string> { ["word"] = spec.Word, ["opposite"] = opposite });

    private static string Say(OppositeSpec spec, string opposite, Philox random)
    {
        var pair = random.Choose(Pairs.Where(p => p.Opposite == opposite).DefaultIfEmpty(Pairs[0]).ToArray());
        return Statement(spec, opposite) + " " + Template.Fill(random.Choose(Sentences), new Dictionary<string, string>
        {
            ["name"] = spec.Name,
            ["friend"] = OtherName(spec, random),
            ["opposite"] = opposite,
            ["thing"] = random.Choose(pair.Things),
        });
    }

    private sealed record Pair(string Word, string Opposite, string[] Things);
}

/// <summary>The facts of an opposites task.</summary>
/// <param name="Word">The given word.</param>
/// <param name="Opposite">Its opposite.</param>
/// <param name="Name">Who the sentence is about.</param>
internal sealed record OppositeSpec(string Word, string Opposite, string Name);
