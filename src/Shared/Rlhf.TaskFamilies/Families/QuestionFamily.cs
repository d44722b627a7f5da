using Rlhf.Numerics;
using Rlhf.TaskFamilies.Text;

namespace Rlhf.TaskFamilies.Families;

/// <summary>Questions whose answer stands in the prompt: which colour, where, or who.</summary>
internal sealed class QuestionFamily() : TaskFamily<QuestionSpec>("question", "en"), IClosedWorldFamily, IWorkedFamily
{
    private static readonly string[] Spots =
        ["in the kitchen", "under the bed", "on the table", "in the garden", "behind the door", "by the window", "in the car", "under the tree", "on the shelf", "in the school"];

    private static readonly string[] Verbs = ["found", "bought", "lost", "wanted", "carried", "painted"];

    private static readonly string[] ColourQuestions =
        ["{name} has a {x} {a} and a {y} {b}. What colour is the {asked}?", "There is a {x} {a} and a {y} {b}. Which colour does the {asked} have?"];

    private static readonly string[] PlaceQuestions =
        ["The {a} is {x} and the {b} is {y}. Where is the {asked}?", "{name} put the {a} {x} and the {b} {y}. Where can I find the {asked}?"];

    private static readonly string[] PersonQuestions =
        ["{x} {verb} the {a} and {y} {verb} the {b}. Who {verb} the {asked}?", "{x} {verb} a {a}. {y} {verb} a {b}. Tell me who {verb} the {asked}."];

    private static readonly string[] ColourAnswers = ["The {asked} is {answer}.", "The colour of the {asked} is {answer}.", "It is a {answer} {asked}."];

    private static readonly string[] PlaceAnswers = ["The {asked} is {answer}.", "You can find the {asked} {answer}.", "The {asked} is {answer} now."];

    private static readonly string[] PersonAnswers = ["{answer} {verb} the {asked}.", "It was {answer} who {verb} the {asked}."];

    private static readonly string[] Things = [.. Vocabulary.Things, .. Vocabulary.Toys, .. Vocabulary.Clothes];

    private static readonly string[] Names = [.. Vocabulary.People.Select(p => p.Name)];

    public override IEnumerable<string> Phrases =>
        [.. Spots, .. Verbs, .. ColourQuestions, .. PlaceQuestions, .. PersonQuestions, .. ColourAnswers, .. PlaceAnswers, .. PersonAnswers, "I think it is"];

    public string Steps(TaskPrompt prompt)
    {
        var spec = Read(prompt);
        return spec.Kind == "person" ? $"I look for the {spec.Asked}. One person {spec.Verb} it." : $"I look for the {spec.Asked}. The other thing is {spec.Other}.";
    }

    public IReadOnlyList<string> UnsupportedFacts(TaskPrompt prompt, string answer)
    {
        var spec = Read(prompt);
        return ClosedWorld.Unsupported(prompt.Text, answer, [.. Vocabulary.Colours, .. Spots, .. Names], Things, spec.Asked, spec.Other);
    }

    protected override int MaxWords => 9;

    protected override IReadOnlyList<Mode> OwnModes =>
    [
        new("confuses-the-two", 2.5, (p, s, r) => Good(s with { Answer = s.Other }, r)),
        new("invents-an-answer", 1.5, (p, s, r) => Good(s with { Answer = Other(Values(s.Kind), r, s.Answer, s.Other) }, r)),
        new("names-the-wrong-thing", 1.0, (p, s, r) => Good(s with { Asked = Other(Things, r, s.Asked), Answer = s.Other }, r)),
        new("one-word", 0.8, (p, s, r) => Template.Capitalise(s.Answer) + "."),
        new("names-both", 0.8, (p, s, r) => "I think it is " + s.Answer + " and " + s.Other + "."),
    ];

    protected override QuestionSpec DrawSpec(Philox random)
    {
        string[] kinds = ["colour", "place", "person"];
        var kind = random.Choose(kinds);
        var answer = random.Choose(Values(kind));
        return new QuestionSpec(
            kind, random.Choose(Things), answer, Other(Values(kind), random, answer), random.Choose(Verbs));
    }

    protected override string Instruction(QuestionSpec spec, Philox random)
    {
        var askedFirst = random.Chance(0.5);
        var other = Other(Things, random, spec.Asked);
        var slots = new Dictionary<string, string>
        {
            ["name"] = random.Choose(Names),
            ["asked"] = spec.Asked,
            ["verb"] = spec.Verb,
            ["a"] = askedFirst ? spec.Asked : other,
            ["b"] = askedFirst ? other : spec.Asked,
            ["x"] = askedFirst ? spec.Answer : spec.Other,
            ["y"] = askedFirst ? spec.Other : spec.Answer,
        };
        return Template.Fill(
            random.Choose(spec.Kind == "colour" ? ColourQuestions : spec.Kind == "place" ? PlaceQuestions : PersonQuestions), slots);
    }

    protected override string Good(QuestionSpec spec, Philox random)
    {
        var templates = spec.Kind == "colour" ? ColourAnswers : spec.Kind == "place" ? PlaceAnswers : PersonAnswers;
        return Template.Fill(
            random.Choose(templates),
            new Dictionary<string, string> { ["asked"] = spec.Asked, ["answer"] = spec.Answer, ["verb"] = spec.Verb });
    }

    protected override IEnumerable<TaskCheck> Check(QuestionSpec spec, AnswerText answer)
    {
        var right = answer.Mentions(spec.Answer);
        var others = Values(spec.Kind).Count(v => v != spec.Answer && answer.Mentions(v));
        yield return Is("right-answer", 0.5, right);
        yield return Is("no-other-answer", 0.2, right && others == 0);
        yield return Is("names-what-was-asked", 0.15, answer.Mentions(spec.Asked));
        yield return Is("full-sentence", 0.15, answer.EndsComplete && answer.Words.Count >= 4);
    }

    private static string[] Values(string kind) => kind switch
    {
        "colour" => Vocabulary.Colours,
        "place" => Spots,
        "person" => Names,
        _ => throw new ArgumentException($"A question asks for a colour, place or person, not for '{kind}'.", nameof(kind)),
    };
}

/// <summary>The facts of a question.</summary>
/// <param name="Kind">"colour", "place" or "person".</param>
/// <param name="Asked">The thing asked about.</param>
/// <param name="Answer">What is true of it.</param>
/// <param name="Other">What is true of the other thing.</param>
/// <param name="Verb">What the persons did.</param>
internal sealed record QuestionSpec(string Kind, string Asked, string Answer, string Other, string Verb);
