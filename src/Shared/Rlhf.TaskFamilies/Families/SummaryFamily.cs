using Rlhf.Numerics;
using Rlhf.TaskFamilies.Text;

namespace Rlhf.TaskFamilies.Families;

/// <summary>Three short sentences to be put into one.</summary>
internal sealed class SummaryFamily() : TaskFamily<SummarySpec>("summary", "en"), IClosedWorldFamily
{
    // What happened and the feeling it leaves.
    private static readonly Happening[] Happenings =
    [
        new("saw a {thing}", ["happy", "glad"]), new("found a {thing}", ["happy", "proud", "glad"]),
        new("lost a {thing}", ["sad", "angry"]), new("bought a {thing}", ["happy", "glad"]),
        new("drew a {thing}", ["happy", "proud"]), new("broke a {thing}", ["sad", "sorry"]),
        new("looked at a {thing}", ["happy", "glad"]), new("looked for a {thing}", ["tired", "hungry"]),
    ];

    private static readonly string[] Adjectives = [.. Vocabulary.Colours, "little", "big", "old", "new"];

    private static readonly string[] Things = [.. Vocabulary.Toys, .. Vocabulary.Clothes, "book", "bag", "cup", "box"];

    private static readonly string[] Places =
        ["river", "lake", "bridge", "beach", "farm", "park", "market", "zoo", "library", "school", "station", "pool", "mill", "harbour"];

    private static readonly string[] Instructions =
    [
        "Put this into one sentence: {name} went to the {place}. {He} {did}. {He} was {feeling}.",
        "Say this in one sentence: {name} was at the {place}. {He} {did}. {He} was {feeling}.",
        "Make one sentence of this. {name} came to the {place}. There {he} {did}. Then {he} was {feeling}.",
    ];

    private static readonly string[] Answers =
    [
        "At the {place}, {name} {did} and was {feeling}.", "{name} was {feeling} because {he} {did} at the {place}.",
        "When {name} was at the {place}, {he} {did} and felt {feeling}.", "{name} {did} at the {place} and was {feeling}.",
    ];

    private static readonly string[] Copies = ["{name} went to the {place}. {He} {did}. {He} was {feeling}."];

    private static readonly string[] WithoutEvent = ["{name} went to the {place}.", "{name} was {feeling} at the {place}.", "This is about {name} and the {place}."];

    public override IEnumerable<string> Phrases =>
    [
        .. Happenings.SelectMany(h => h.Feelings.Append(h.Did)), .. Adjectives, .. Things, .. Places, .. Instructions, .. Answers, .. Copies, .. WithoutEvent,
    ];

    public IReadOnlyList<string> UnsupportedFacts(TaskPrompt prompt, string answer) =>
        ClosedWorld.Unsupported(prompt.Text, answer, [.. Vocabulary.People.Select(p => p.Name), .. Places, .. Adjectives], Things);

    protected override int MaxWords => 30;

    protected override IReadOnlyList<Mode> OwnModes =>
    [
        new("three-sentences", 1.5, (p, s, r) => Fill(Copies[0], s)),
        new("omits-the-event", 1.5, (p, s, r) => Fill(r.Choose(WithoutEvent), s)),
        new("wrong-name", 1.2, (p, s, r) => Good(s with { Name = Other(Vocabulary.People, r, Hero(s)).Name }, r)),
        new("wrong-place", 1.2, (p, s, r) => Good(s with { Place = Other(Places, r, s.Place) }, r)),
        new("wrong-thing", 1.2, (p, s, r) => WrongThing(s, r)),
    ];

    protected override SummarySpec DrawSpec(Philox random)
    {
        var happening = random.Choose(Happenings);
        var thing = random.Choose(Things);
        var did = happening.Did.Replace("{thing}", random.Choose(Adjectives) + " " + thing, StringComparison.Ordinal);
        return new SummarySpec(random.Choose(Vocabulary.People).Name, random.Choose(Places), did, thing, random.Choose(happening.Feelings));
    }

    protected override string Instruction(SummarySpec spec, Philox random) => Fill(random.Choose(Instructions), spec);

    protected override string Good(SummarySpec spec, Philox random) => Fill(random.Choose(Answers), spec);

    protected override IEnumerable<TaskCheck> Check(SummarySpec spec, AnswerText answer)
    {
        yield return Is("one-sentence", 0.2, answer.Sentences.Count == 1 && answer.Words.Count >= 5);
        yield return Is("names-the-person", 0.2, answer.Mentions(spec.Name));
        yield return Is("names-the-place", 0.15, answer.Mentions(spec.Place));
        yield return Graded("tells-what-happened", 0.3, (answer.Mentions(spec.Thing) ? 0.7 : 0) + (answer.Mentions(spec.Did.Split(' ')[0]) ? 0.3 : 0));
        yield return Is("tells-the-feeling", 0.05, answer.Mentions(spec.Feeling));
        yield return Is("complete-ending", 0.1, answer.EndsComplete && answer.Words.Count >= 5);
    }

    private static Person Hero(SummarySpec spec) => Vocabulary.People.First(p => p.Name == spec.Name);

    private string WrongThing(SummarySpec spec, Philox random)
    {
        var thing = Other(Things, random, spec.Thing);
        return Good(spec with { Did = spec.Did.Replace(spec.Thing, thing, StringComparison.Ordinal), Thing = thing }, random);
    }

    private static string Fill(string template, SummarySpec spec)
    {
        var slots = Hero(spec).Slots();
        slots["place"] = spec.Place;
        slots["did"] = spec.Did;
        slots["feeling"] = spec.Feeling;
        return Template.Fill(template, slots);
    }

    private sealed record Happening(string Did, string[] Feelings);
}

/// <summary>The facts of a summary task.</summary>
/// <param name="Name">The person.</param>
/// <param name="Place">Where it happened.</param>
/// <param name="Did">What the person did, in the past tense.</param>
/// <param name="Thing">The thing in it.</param>
/// <param name="Feeling">How the person felt.</param>
internal sealed record SummarySpec(string Name, string Place, string Did, string Thing, string Feeling);
