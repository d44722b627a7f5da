using Rlhf.Numerics;
using Rlhf.TaskFamilies.Text;

namespace Rlhf.TaskFamilies.Families;

/// <summary>"Write a short story about a rabbit named Tom. Use the word river."</summary>
internal sealed class StoryFamily() : TaskFamily<StorySpec>("story", "en")
{
    private static readonly string[] Instructions =
    [
        "Write a short story about a {animal} named {name}. Use the word {word}.",
        "Tell me a story about {name} the {animal}. Use the word {word}.",
        "Please tell a short story with the word {word}. It is about a {animal} called {name}.",
        "Can you write a little story about a {animal} named {name} and a {word}?",
    ];

    private static readonly string[] ThingWords =
        ["ball", "kite", "drum", "lamp", "key", "box", "bell", "basket", "map", "boat", "blanket", "umbrella", "hat", "scarf", "book", "ladder", "feather", "button"];

    private static readonly string[] FoodWords = ["apple", "cake", "pie", "carrot", "pear", "cookie", "pumpkin", "melon"];

    private static readonly string[] SkyWords = ["rain", "snow", "moon", "rainbow", "cloud", "storm"];

    private static readonly string[] Moods = ["little", "small", "brave", "kind", "shy", "clever", "happy", "quiet", "gentle", "young", "funny", "curious"];

    private static readonly string[] Homes =
    [
        "in a little house", "under an old tree", "on a quiet farm", "by the sea", "near a green field", "in a warm barn",
        "at the end of the road", "in a cosy hole", "behind the mill", "in a big town",
    ];

    private static readonly string[] Times =
        ["One day", "One morning", "One sunny day", "One evening", "After lunch", "Early one morning", "On a warm day", "One winter day", "Last week"];

    private static readonly string[] Openings =
    [
        "Once upon a time there was a {mood} {animal} named {name}.",
        "{name} was a {mood} {animal} who lived {home}.",
        "There once was a {mood} {animal} called {name}.",
        "{name} the {animal} lived {home}.",
        "A {mood} {animal} named {name} lived {home}.",
        "Once there lived a {animal} named {name} who was very {mood}.",
        "This is the story of {name}, a {mood} {animal} from a small town.",
        "Far away, {home}, lived a {mood} {animal} named {name}.",
    ];

    private static readonly string[] Endings =
    [
        "{He} went home with a big smile.", "From that day on, they were best friends.", "{name} was very happy.",
        "That night {he} slept very well.", "{name} never forgot that day.", "{His} mother gave {him} a big hug when {he} came home.", "In the evening {he} told {his} mother all about it.",
        "\"What a lovely day,\" said {name}.", "And {name} knew that it is good to be kind.", "It was the best day of {his} life.",
        "They laughed all the way home.", "{name} and {friend} hugged and went home.", "{friend} said that {name} was a true friend.",
    ];

    // One arc is a row of beats; every beat offers a few sentences. {word} is named in one beat at least.
    private static readonly string[][][] PlaceArcs =
    [
        [
            ["{time}, {he} went to the {word} with {his} friend {friend}.", "{time}, {name} walked to the {word} to meet {friend}.", "{time}, {he} and {his} friend {friend} ran to the {word}."],
            ["They played and sang until the sun went down.", "There they saw {a_animal2} who could not find {its} mother.", "There they found an old {thing} under a stone.", "They built a little house out of leaves and stones.", "A wise {animal2} showed them how to catch a fish."],
            ["Then {friend} was tired, so {name} helped {friend_him} get home.", "They worked together and had a good time.", "{friend} told a funny story, and {name} laughed a lot.", "They ate bread and honey and looked at the water.", "{name} said, \"Let us share this day with all our friends.\""],
        ],
        [
            ["{time}, {he} lost {his} {thing} near the {word}.", "{time}, {he} went to the {word} and lost {his} {thing}."],
            ["{He} looked and looked, but {he} could not find it.", "{He} sat down and cried for a long time.", "{He} looked under every leaf and every stone.", "{He} asked every bird and every bee, but nobody had seen it."],
            ["Then {friend} came and found the {thing} in the grass.", "Then a kind {animal2} named {friend} helped {him} find it.", "At last {friend} saw the {thing} up in a tree.", "\"Do not cry,\" said {friend}, \"I have your {thing} here.\""],
        ],
        [
            ["{He} was afraid of the {word} because it was so big and quiet.", "{He} wanted to see the {word}, but {he} was afraid to go alone."],
            ["{time}, {his} friend {friend} took {his} hand and went with {him}.", "{time}, {he} heard {friend} call for help and ran there at once.", "{time}, {he} took a deep breath and went there."],
            ["It was a lovely place, full of birds and flowers.", "There {he} saw that there was nothing to be afraid of.", "The birds sang to {him}, and the sun was warm."],
        ],
    ];

    private static readonly string[][][] ThingArcs =
    [
        [
            ["{time}, {he} found a {colour} {word} by the {place}.", "{time}, {he} saw a {colour} {word} in the grass near the {place}.", "{time}, a {colour} {word} lay in front of {his} door."],
            ["{He} asked all the animals who had lost it.", "A wise {animal2} told {him} to look for the owner.", "{He} wanted to keep it, but it was not {his_own}.", "\"Whose is this?\" {he} asked {his} friend {friend}."],
            ["It was the {word} of {friend}, who had looked for it all day.", "{friend} cried with joy when {name} gave it back.", "So {he} gave it to {friend}, who thanked {him} many times.", "Soon {he} met {friend}, who had lost it the day before."],
        ],
        [
            ["{time}, {his} friend {friend} gave {him} a new {word}.", "{He} had a {colour} {word} that {he} loved very much.", "{time}, {he} made a {word} for {his} friend {friend}."],
            ["But one night it was gone, and {he} looked for it near the {place}.", "But then the wind took it away to the {place}.", "But a big {animal2} took it and ran to the {place}."],
            ["{name} was sad, but {friend} helped {him} look for it.", "Together they got it back before dark.", "{friend} ran fast and got it back for {him}.", "{name} and {friend} ran after it and did not stop."],
        ],
    ];

    private static readonly string[][][] FoodArcs =
    [
        [
            ["{time}, {he} found a big {word} near the {place}.", "{time}, {his} mother gave {him} a sweet {word}.", "{time}, {he} took a {word} with {him} to the {place}."],
            ["On the way {he} met {friend}, who was very hungry.", "Then {he} saw that {his} friend {friend} had nothing to eat.", "There sat {a_animal2} named {friend}, who was cold and hungry."],
            ["{name} gave {friend} half of the {word}.", "\"You can have some of my {word},\" said {name}.", "So {name} cut the {word} in two and shared it.", "\"Please eat,\" said {name}, and they sat down with the {word}."],
        ],
        [
            ["{time}, {he} wanted to make something nice with {a_word}.", "{He} wanted to give {friend} the best {word} in the village."],
            ["{He} looked in the kitchen, and found all that {he} needed.", "It was hard work, but {he} did not give up.", "{friend} came to help, and they worked all morning.", "{His} mother showed {him} how to do it."],
            ["In the evening they ate the {word} under the stars.", "The {word} was so good that all the animals wanted some.", "At last the {word} was on the table, and they ate it together."],
        ],
    ];

    private static readonly string[][][] SkyArcs =
    [
        [
            ["{time}, {he} looked up and saw the {word}.", "{time}, {he} went out to look at the {word} with {his} friend {friend}.", "{time}, the {word} came over the {place}."],
            ["\"How lovely it is,\" said {friend}, \"and we are so small.\"", "{friend} was afraid, but {name} held {friend_his} hand.", "{He} and {friend} sat by the {place} and did not say a word."],
            ["{name} sang a quiet song, and {friend} sang with {him}.", "Then {name} and {friend} ran to the {place} and danced.", "{friend} said that it was like a dream.", "{name} told {friend} a story about the {word}."],
        ],
        [
            ["{He} loved the {word} more than anything.", "{He} was always a little afraid of the {word}.", "{He} had never seen the {word} before."],
            ["{time}, {friend} came and took {him} to the {place}.", "{time}, {he} sat with {friend} by the window and waited.", "{time}, {he} and {friend} climbed up to a high place."],
            ["They watched it for a long time and were very happy.", "It was more lovely than {he} had thought.", "{friend} told {him} where it came from and where it goes.", "\"Now I know that it is my friend,\" said {name}."],
        ],
    ];

    public override IEnumerable<string> Phrases =>
    [
        .. Instructions, .. ThingWords, .. FoodWords, .. SkyWords, .. Moods, .. Homes, .. Times, .. Openings, .. Endings, "his her hers its own",
        .. new[] { PlaceArcs, ThingArcs, FoodArcs, SkyArcs }.SelectMany(a => a).SelectMany(a => a).SelectMany(a => a),
    ];

    protected override IReadOnlyList<Mode> OwnModes =>
    [
        new("omits-word", 1.5, (p, s, r) => Without(s.Word, () => Good(s with { Word = OtherWord(s, r) }, r))),
        new("wrong-name", 1.3, (p, s, r) => Without(s.Name, () => Good(s with { Name = OtherPerson(s, r).Name }, r))),
        new("wrong-animal", 1.3, (p, s, r) => Without(s.Animal, () => Good(s with { Animal = Other(Vocabulary.Animals, r, s.Animal) }, r))),
        new("one-sentence", 0.8, (p, s, r) => Mishaps.Sentences(Good(s, r))[0]),
        new("rambles", 0.5, (p, s, r) => Ramble(s, r)),
    ];

    /// <summary>A story about the spec's hero as running text, for corpora.</summary>
    protected override string Good(StorySpec spec, Philox random)
    {
        var hero = Vocabulary.People.First(p => p.Name == spec.Name);
        var friend = Other(Vocabulary.People, random, hero);
        var animal2 = Other(Vocabulary.Animals, random, spec.Animal);
        var slots = hero.Slots();
        slots["animal"] = spec.Animal;
        slots["word"] = spec.Word;
        slots["a_word"] = "a " + spec.Word;
        slots["friend"] = friend.Name;
        slots["friend_him"] = friend.Him;
        slots["friend_his"] = friend.His;
        slots["his_own"] = hero.He == "he" ? "his" : "hers";
        slots["animal2"] = animal2;
        slots["a_animal2"] = "a " + animal2;
        slots["its"] = "its";
        slots["thing"] = Other(ThingWords, random, spec.Word);
        slots["place"] = Other(Vocabulary.Places, random, spec.Word);
        slots["mood"] = random.Choose(Moods);
        slots["home"] = random.Choose(Homes);
        slots["time"] = random.Choose(Times);
        slots["colour"] = random.Choose(Vocabulary.Colours);

        var arcs = ArcsOf(spec.Word);
        while (true)
        {
            var lines = new List<string> { random.Choose(Openings) };
            lines.AddRange(random.Choose(arcs).Select(beat => random.Choose(beat)));
            // Endings speak of "they" or of the friend, so the friend must have come in by name before.
            var hasFriend = lines.Any(l => l.Contains("{friend}", StringComparison.Ordinal));
            var hasWord = lines.Any(l => l.Contains("word}", StringComparison.Ordinal));
            if (hasFriend && hasWord)
            {
                if (random.Chance(0.75))
                {
                    lines.Add(random.Choose(Endings));
                }

                var story = string.Join(' ', lines.Select(l => Template.Fill(l, slots)));
                if (story.Count(c => c == ' ') < MaxWords)
                {
                    return story;
                }
            }
        }
    }

    protected override StorySpec DrawSpec(Philox random)
    {
        var kind = random.Next(4);
        string[][] words = [Vocabulary.Places, ThingWords, FoodWords, SkyWords];
        return new StorySpec(random.Choose(Vocabulary.People).Name, random.Choose(Vocabulary.Animals), random.Choose(words[kind]));
    }

    protected override string Instruction(StorySpec spec, Philox random) => Template.Fill(
        random.Choose(Instructions),
        new Dictionary<string, string> { ["name"] = spec.Name, ["animal"] = spec.Animal, ["word"] = spec.Word });

    protected override IEnumerable<TaskCheck> Check(StorySpec spec, AnswerText answer)
    {
        var otherAnimal = Vocabulary.Animals.Any(a => a != spec.Animal && answer.Mentions(a));
        var count = answer.Sentences.Count;
        // A text about something else earns nothing for its shape.
        var onTopic = answer.Mentions(spec.Name) || answer.Mentions(spec.Animal) || answer.Mentions(spec.Word);
        yield return Is("hero-named", 0.2, answer.Mentions(spec.Name));
        yield return Graded("animal", 0.2, answer.Mentions(spec.Animal) ? 1 : otherAnimal || !onTopic ? 0 : 0.25);
        yield return Is("required-word", 0.25, answer.Mentions(spec.Word) || answer.Mentions(spec.Word + "s"));
        yield return Graded("three-to-six-sentences", 0.2, !onTopic ? 0 : count < 3 ? (count - 1) / 2.0 : count > 6 ? 6.0 / count : 1);
        yield return Is("complete-ending", 0.15, onTopic && answer.EndsComplete && answer.Words.Count >= 5);
    }

    private static string[][][] ArcsOf(string word) =>
        Vocabulary.Places.Contains(word) ? PlaceArcs
        : FoodWords.Contains(word) ? FoodArcs
        : SkyWords.Contains(word) ? SkyArcs
        : ThingArcs;

    private static string OtherWord(StorySpec spec, Philox random)
    {
        string[][] words = [Vocabulary.Places, ThingWords, FoodWords, SkyWords];
        return Other(random.Choose(words), random, spec.Word);
    }

    private static Person OtherPerson(StorySpec spec, Philox random) =>
        Other(Vocabulary.People, random, Vocabulary.People.First(p => p.Name == spec.Name));

    /// <summary>Draws stories until one lacks the word, which side characters and places can bring in by chance.</summary>
    private static string Without(string word, Func<string> tell)
    {
        while (true)
        {
            var story = tell();
            var words = AnswerText.WordsOf(story);
            if (!words.Contains(word.ToLowerInvariant()) && !words.Contains(word + "s"))
            {
                return story;
            }
        }
    }

    private string Ramble(StorySpec spec, Philox random)
    {
        var text = Good(spec, random);
        for (var i = 0; i < 2; i++)
        {
            text += " " + Good(spec with { Name = OtherPerson(spec, random).Name, Word = OtherWord(spec, random) }, random);
        }

        return Mishaps.CutOff(text, "en", random);
    }
}

/// <summary>The facts of a story task.</summary>
/// <param name="Name">The hero.</param>
/// <param name="Animal">What the hero is.</param>
/// <param name="Word">The word that the story must use.</param>
internal sealed record StorySpec(string Name, string Animal, string Word);
