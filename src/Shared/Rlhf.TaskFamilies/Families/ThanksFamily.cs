using Rlhf.Numerics;
using Rlhf.TaskFamilies.Text;

namespace Rlhf.TaskFamilies.Families;

/// <summary>A thank-you note to somebody for a present.</summary>
internal sealed class ThanksFamily() : TaskFamily<ThanksSpec>("thanks", "en")
{
    private static readonly string[] Givers = ["Grandma", "Grandpa", "Aunt Rose", "Uncle Bob", "Mom", "Dad", "Miss Hill", "Aunt May", "Uncle Joe", "Mister Green"];

    private static readonly string[] Food = ["cake", "pie", "soup", "honey", "bread"];

    private static readonly string[] Books = ["book", "map", "picture"];

    private static readonly string[] Instructions =
    [
        "Write a thank-you note to {giver} for the {gift}. Sign it as {sender}.",
        "{giver} gave me a {gift}. Please write a short thank-you note. My name is {sender}.",
        "Help {sender} thank {giver} for the {gift}.",
    ];

    private static readonly string[] Thanks =
        ["Dear {giver}, thank you so much for the {gift}.", "Dear {giver}, thank you for the lovely {gift}.", "Dear {giver}, I want to thank you for the {gift} you gave me."];

    private static readonly string[] AboutClothes = ["It keeps me warm, and I wear it every day.", "It looks so good on me.", "All my friends like it very much."];

    private static readonly string[] AboutToys = ["I play with it every day.", "It is the best toy I have.", "My friends and I have a lot of fun with it."];

    private static readonly string[] AboutFood = ["It was so good that we ate it all.", "It was the best I ever had.", "We all had some, and it was very good."];

    private static readonly string[] AboutBooks = ["I look at it every night before I sleep.", "I keep it next to my bed.", "I can learn so much from it."];

    private static readonly string[] General = ["You are so kind to me.", "It made me very happy.", "I hope to see you soon.", "You always know what I like."];

    private static readonly string[] SignOffs = ["Love, {sender}.", "With love, {sender}.", "Best wishes, {sender}.", "Yours, {sender}."];

    private static readonly string[] Ungrateful =
    [
        "Dear {giver}, the {gift} is ugly. I do not want it. {sender}.", "I hate the {gift}. Next time give me something else.",
        "The {gift} is boring, but my mother says I must write to you. {sender}.", "Who cares about the {gift}? Give me money.",
    ];

    private static readonly string[] GiftNouns = [.. Vocabulary.Clothes, .. Vocabulary.Toys, .. Food, .. Books];

    public override IEnumerable<string> Phrases =>
    [
        .. Givers, .. Food, .. Books, .. Instructions, .. Thanks, .. AboutClothes, .. AboutToys, .. AboutFood, .. AboutBooks, .. General, .. SignOffs, .. Ungrateful, "big warm sweet fresh",
    ];

    protected override int MaxWords => 45;

    protected override IReadOnlyList<Mode> OwnModes =>
    [
        new("no-thanks", 1.2, (p, s, r) => "Dear " + s.Giver + ", " + LowerFirst(Fill(r.Choose(General), s)) + " " + Fill(r.Choose(SignOffs), s)),
        new("wrong-giver", 1.2, (p, s, r) => Good(s with { Giver = Other(Givers, r, s.Giver) }, r)),
        new("wrong-gift", 1.2, (p, s, r) => Good(s with { Noun = Other(GiftNouns, r, s.Noun) }, r)),
        new("no-sign-off", 1.2, (p, s, r) => Fill(r.Choose(Thanks), s) + " " + r.Choose(General)),
        new("ungrateful", 1.5, (p, s, r) => Fill(r.Choose(Ungrateful), s)),
    ];

    protected override ThanksSpec DrawSpec(Philox random)
    {
        var noun = random.Choose(GiftNouns);
        return new ThanksSpec(
            random.Choose(Givers), FoodAdjective(noun) ?? random.Choose(Vocabulary.Colours), noun, random.Choose(Vocabulary.People).Name);
    }

    protected override string Instruction(ThanksSpec spec, Philox random)
    {
        // "gave me a sweet bread" is no English; mass nouns take the wordings with "the".
        var isMass = spec.Noun is "soup" or "honey" or "bread";
        return Fill(isMass ? Instructions[random.Chance(0.5) ? 0 : 2] : random.Choose(Instructions), spec);
    }

    protected override string Good(ThanksSpec spec, Philox random)
    {
        var about = Food.Contains(spec.Noun) ? AboutFood : Books.Contains(spec.Noun) ? AboutBooks : Vocabulary.Toys.Contains(spec.Noun) ? AboutToys : AboutClothes;
        var middle = random.Next(3) switch
        {
            0 => random.Choose(about),
            1 => random.Choose(General),
            _ => random.Choose(about) + " " + random.Choose(General),
        };
        return Fill(random.Choose(Thanks), spec) + " " + middle + " " + Fill(random.Choose(SignOffs), spec);
    }

    protected override IEnumerable<TaskCheck> Check(ThanksSpec spec, AnswerText answer)
    {
        var thanks = answer.MentionsAny(["thank you", "thanks"]) || (answer.Mentions("to thank you"));
        yield return Is("thanks", 0.25, thanks);
        yield return Is("giver-addressed", 0.2, answer.Mentions(spec.Giver));
        yield return Graded("gift-named", 0.2, answer.Mentions(spec.Noun) ? 1 : 0);
        yield return Graded("signed", 0.2, answer.Sentences[^1].Contains(spec.Sender.ToLowerInvariant()) ? 1 : answer.Mentions(spec.Sender) ? 0.5 : 0);
        yield return Graded("two-sentences-complete", 0.15, !answer.EndsComplete ? 0 : answer.Sentences.Count >= 3 ? 1 : answer.Sentences.Count == 2 ? 0.5 : 0);
    }

    private static string Fill(string template, ThanksSpec spec) => Template.Fill(template, new Dictionary<string, string>
    {
        ["giver"] = spec.Giver,
        ["gift"] = spec.Adjective + " " + spec.Noun,
        ["sender"] = spec.Sender,
    });

    private static string? FoodAdjective(string noun) => noun switch
    {
        "cake" or "pie" => "big",
        "soup" => "warm",
        "honey" => "sweet",
        "bread" => "fresh",
        _ => null,
    };

    private static string LowerFirst(string text) => text.StartsWith("I ", StringComparison.Ordinal) ? text : char.ToLowerInvariant(text[0]) + text[1..];
}

/// <summary>The facts of a thank-you note.</summary>
/// <param name="Giver">Who is thanked.</param>
/// <param name="Adjective">Which one it is.</param>
/// <param name="Noun">The present.</param>
/// <param name="Sender">Who signs.</param>
internal sealed record ThanksSpec(string Giver, string Adjective, string Noun, string Sender);
