using Rlhf.Numerics;
using Rlhf.TaskFamilies.Text;

namespace Rlhf.TaskFamilies.Families;

/// <summary>"Name three animals."</summary>
internal sealed class ListFamily() : TaskFamily<ListSpec>("list", "en")
{
    private static readonly Category[] Categories =
    [
        new("animals", true, ["cat", "dog", "cow", "horse", "pig", "sheep", "goat", "rabbit", "fox", "bear", "mouse", "frog", "lion", "tiger", "monkey"]),
        new("fruits", true, ["apple", "banana", "pear", "cherry", "peach", "plum", "lemon", "melon", "grape", "strawberry"]),
        new("colours", false, ["red", "blue", "green", "yellow", "white", "black", "brown", "pink", "purple", "grey"]),
        new("vegetables", true, ["carrot", "potato", "onion", "tomato", "pumpkin", "bean", "pea", "cabbage", "cucumber"]),
        new("clothes", true, ["hat", "coat", "shirt", "scarf", "sock", "shoe", "dress", "sweater", "glove", "skirt"]),
        new("toys", true, ["ball", "doll", "kite", "drum", "robot", "puzzle", "train", "teddy", "rope", "block"]),
        new("drinks", false, ["water", "milk", "tea", "juice", "coffee", "cocoa", "lemonade", "soda"]),
        new("birds", true, ["owl", "duck", "hen", "crow", "swan", "goose", "robin", "parrot", "eagle"]),
        new("things in a school", true, ["pen", "pencil", "desk", "chair", "book", "ruler", "map", "bag", "globe"]),
        new("things in a kitchen", true, ["cup", "spoon", "fork", "knife", "plate", "pan", "pot", "bowl", "glass"]),
    ];

    private static readonly string[] Instructions =
    [
        "Name {n} {category}.", "Give me a list of {n} {category}.", "Can you name {n} {category}?",
        "Please tell {name} the names of {n} {category}.", "{name} wants to know {n} {category}. Please help.", "Write down {n} {category} for {name}.",
    ];

    private static readonly string[] Answers =
    [
        "{N} {category} are {items}.", "Here are {n} {category}: {items}.", "{N} {category} I know are {items}.", "I can name {n} {category}: {items}.",
    ];

    public override IEnumerable<string> Phrases =>
        [.. Instructions, .. Answers, .. Categories.SelectMany(c => c.Items.Append(c.Name))];

    protected override int MaxWords => 30;

    protected override IReadOnlyList<Mode> OwnModes =>
    [
        new("too-few", 1.5, (p, s, r) => Answer(s, r, Draw(s, r, s.Count - 1 - r.Next(Math.Max(1, s.Count - 2))))),
        new("too-many", 1.0, (p, s, r) => Answer(s, r, Draw(s, r, s.Count + 1 + r.Next(2)))),
        new("duplicates", 1.2, (p, s, r) => Answer(s, r, Duplicated(s, r))),
        new("wrong-category", 1.5, (p, s, r) => Answer(s, r, Mixed(s, r))),
    ];

    protected override ListSpec DrawSpec(Philox random) => new(random.Choose(Categories).Name, 2 + random.Next(4));

    protected override string Instruction(ListSpec spec, Philox random) => Template.Fill(random.Choose(Instructions), new Dictionary<string, string>
    {
        ["n"] = Vocabulary.Numbers[spec.Count],
        ["category"] = spec.Category,
        ["name"] = random.Choose(Vocabulary.People).Name,
    });

    protected override string Good(ListSpec spec, Philox random) => Answer(spec, random, Draw(spec, random, spec.Count));

    protected override IEnumerable<TaskCheck> Check(ListSpec spec, AnswerText answer)
    {
        var category = Find(spec);
        var named = answer.Words.Select(w => ItemOf(category, w)).OfType<string>().ToArray();
        var distinct = named.Distinct(StringComparer.Ordinal).Count();
        var strangers = answer.Words.Count(w => ItemOf(category, w) is null && Categories.Any(c => ItemOf(c, w) is not null));
        yield return Graded("right-count", 0.45, distinct == 0 ? 0 : 1 - (2.0 * Math.Abs(distinct - spec.Count) / spec.Count));
        yield return Graded("of-the-category", 0.25, named.Length == 0 ? 0 : 1 - (2.0 * strangers / (named.Length + strangers)));
        yield return Graded("no-duplicates", 0.15, named.Length == 0 ? 0 : distinct == named.Length ? 1 : 0);
        yield return Is("full-sentence", 0.15, answer.EndsComplete && answer.Words.Count >= spec.Count + 2);
    }

    private static Category Find(ListSpec spec) => Categories.FirstOrDefault(c => c.Name == spec.Category)
        ?? throw new ArgumentException($"There is no category '{spec.Category}'; there are {string.Join(", ", Categories.Select(c => c.Name))}.", nameof(spec));

    private static string? ItemOf(Category category, string word) =>
        category.Set.Contains(word) ? word
        : word.EndsWith('s') && category.Set.Contains(word[..^1]) ? word[..^1]
        : null;

    private static List<string> Draw(ListSpec spec, Philox random, int count)
    {
        var items = Find(spec).Items.ToArray();
        random.Shuffle<string>(items);
        return [.. items.Take(count)];
    }

    private static List<string> Duplicated(ListSpec spec, Philox random)
    {
        var items = Draw(spec, random, spec.Count);
        items[random.Next(items.Count - 1) + 1] = items[0];
        return items;
    }

    private static List<string> Mixed(ListSpec spec, Philox random)
    {
        var items = Draw(spec, random, spec.Count);
        var own = Find(spec);
        var foreign = Other(Categories, random, own).Items.Where(i => !own.Set.Contains(i)).ToArray();
        random.Shuffle<string>(foreign);
        var swaps = 1 + random.Next(items.Count);
        for (var i = 0; i < swaps; i++)
        {
            items[items.Count - 1 - i] = foreign[i];
        }

        return items;
    }

    private static string Answer(ListSpec spec, Philox random, List<string> items)
    {
        var withArticle = Find(spec).WithArticle;
        return Template.Fill(random.Choose(Answers), new Dictionary<string, string>
        {
            ["n"] = Vocabulary.Numbers[spec.Count],
            ["category"] = spec.Category,
            ["items"] = Template.Join([.. items.Select(i => withArticle ? Template.WithArticle(i) : i)]),
        });
    }

    private sealed record Category(string Name, bool WithArticle, string[] Items)
    {
        public HashSet<string> Set { get; } = [.. Items];
    }
}

/// <summary>The facts of a list task.</summary>
/// <param name="Category">The kind of things, in the plural.</param>
/// <param name="Count">How many are asked for.</param>
internal sealed record ListSpec(string Category, int Count);
