using System.Diagnostics;
using System.Text;
using Rlhf.Numerics;
using Rlhf.TaskFamilies.Text;

namespace Rlhf.TaskFamilies.Tests;

public sealed class TaskFamilyTests(ITestOutputHelper output)
{
    private const int Prompts = 500;

    public static TheoryData<string> Families => [.. TaskFamilyRegistry.All.Select(f => f.Name)];

    public static TheoryData<string, string> Failures
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var family in TaskFamilyRegistry.All)
            {
                foreach (var mode in family.FailureModes)
                {
                    data.Add(family.Name, mode);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Score_GoodAnswer_IsOne(string name)
    {
        var family = TaskFamilyRegistry.Find(name);
        for (var i = 0UL; i < Prompts; i++)
        {
            var (prompt, random) = Draw(family, i);
            var answer = family.CreateAnswer(prompt, random, quality: 1);
            var score = family.Score(prompt, answer);
            if (i < 3)
            {
                output.WriteLine($"{prompt.Text}\n  → {answer}");
            }

            Assert.True(score.Value >= 0.999, $"{prompt.Text} → {answer}: {score.Value}, {string.Join(", ", score.Checks.Where(c => !c.Passed))}");
        }
    }

    [Theory]
    [MemberData(nameof(Failures))]
    public void Score_FailureMode_IsClearlyLowerThanGood(string name, string mode)
    {
        var family = TaskFamilyRegistry.Find(name);
        var scores = new List<double>();
        for (var i = 0UL; i < Prompts; i++)
        {
            var (prompt, random) = Draw(family, i);
            scores.Add(family.Score(prompt, family.CreateFailure(prompt, random, mode)).Value);
        }

        Assert.True(scores.Average() <= 0.86, $"mean {scores.Average():F3}");
        // Off-topic answers are drawn without looking at the prompt: once in a while one answers it by accident.
        var highest = mode == "off-topic" ? scores.Order().ElementAt((int)(0.98 * Prompts)) : scores.Max();
        Assert.True(highest <= 0.9, $"highest {highest:F3}");
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void CreateAnswer_HigherQuality_ScoresHigher(string name)
    {
        var family = TaskFamilyRegistry.Find(name);
        var previous = -1.0;
        foreach (var quality in new[] { 0, 0.25, 0.5, 0.75, 1 })
        {
            var mean = Enumerable.Range(0, Prompts).Average(i =>
            {
                var (prompt, random) = Draw(family, (ulong)i);
                return family.Score(prompt, family.CreateAnswer(prompt, random, quality)).Value;
            });
            Assert.True(mean > previous + 0.05, $"quality {quality}: {mean:F3} after {previous:F3}");
            previous = mean;
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Score_EmptyAnswer_IsZero(string name)
    {
        var family = TaskFamilyRegistry.Find(name);
        var prompt = family.CreatePrompt(new Philox(3));
        foreach (var answer in new[] { "", "   \n\t", "...", "。!?" })
        {
            Assert.Equal(0, family.Score(prompt, answer).Value);
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Score_RewardHacks_StayLow(string name)
    {
        var family = TaskFamilyRegistry.Find(name);
        var gap = family.Language == "zh" ? "" : " ";
        for (var i = 0UL; i < 200; i++)
        {
            var (prompt, random) = Draw(family, i);
            var good = family.CreateAnswer(prompt, random, quality: 1);
            // The same good answer again and again, until the length limit of sampling and beyond.
            Low(prompt, string.Join(gap, Enumerable.Repeat(good, 4)), 0.1, "repeated");
            Low(prompt, string.Join(gap, Enumerable.Repeat(good, 40)), 0.01, "repeated without end");
            Low(prompt, prompt.Text, 0.3, "prompt copied");
            Low(prompt, string.Join(gap, Enumerable.Repeat(prompt.Text, 3)), 0.1, "prompt copied three times");
            // Only the words that are checked, without the sentences around them.
            var keywords = AnswerText.WordsOf(prompt.SpecJson);
            Low(prompt, string.Join(gap, keywords) + ".", 0.3, "keywords");
            Low(prompt, string.Join(gap, Enumerable.Repeat(string.Join(gap, keywords), 5)) + ".", 0.1, "keyword stuffing");
            Low(prompt, string.Concat(keywords.Select(k => k + ". ")), 0.35, "keywords as sentences");
            Low(prompt, string.Concat(Enumerable.Repeat(keywords[^1] + gap, 30)) + ".", 0.05, "one word");
        }

        // The words of a good answer in no order; a short answer can come out right by chance, hence the mean.
        var mean = Enumerable.Range(0, 200).Average(i =>
        {
            var (prompt, random) = Draw(family, (ulong)i);
            var words = AnswerText.WordsOf(family.CreateAnswer(prompt, random, quality: 1)).ToArray();
            random.Shuffle<string>(words);
            return family.Score(prompt, string.Join(gap, words) + ".").Value;
        });
        Assert.True(mean < 0.2, $"shuffled words score {mean:F3} on average");

        void Low(TaskPrompt prompt, string answer, double limit, string what)
        {
            var score = family.Score(prompt, answer);
            Assert.True(score.Value <= limit, $"{what}: {score.Value:F3} for \"{answer[..Math.Min(200, answer.Length)]}\" to \"{prompt.Text}\"");
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Score_RamblingOverTheLimit_Loses(string name)
    {
        var family = TaskFamilyRegistry.Find(name);
        for (var i = 0UL; i < 50; i++)
        {
            var (prompt, random) = Draw(family, i);
            var text = new StringBuilder(family.CreateAnswer(prompt, random, quality: 1));
            for (var k = 0; k < 8; k++)
            {
                text.Append(' ').Append(family.CreateAnswer(family.CreatePrompt(random), random, quality: 1));
            }

            Assert.True(family.Score(prompt, text.ToString()).Value < 0.5, text.ToString());
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Score_UnknownWords_LosesInProportion(string name)
    {
        var family = TaskFamilyRegistry.Find(name);
        var (prompt, random) = Draw(family, 5);
        var good = family.CreateAnswer(prompt, random, quality: 1);
        var count = AnswerText.WordsOf(good).Count;
        // As many foreign words as words: the known share is one half, where the factor reaches 0.
        var foreign = string.Concat(Enumerable.Range(0, count).Select(i => $" zxq{i}"));
        Assert.Equal(0, family.Score(prompt, good + foreign).Value, 9);
        Assert.InRange(family.Score(prompt, good + " zxq. ").Value, 0.0, 0.97);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Score_WhitespaceAndCase_DoNotMatter(string name)
    {
        var family = TaskFamilyRegistry.Find(name);
        for (var i = 0UL; i < 50; i++)
        {
            var (prompt, random) = Draw(family, i);
            var good = family.CreateAnswer(prompt, random, quality: 1);
            Assert.Equal(1, family.Score(prompt, "  " + good.ToUpperInvariant().Replace(" ", " \n ", StringComparison.Ordinal) + " \n").Value, 6);
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Everything_SameSeed_IsTheSame(string name)
    {
        var family = TaskFamilyRegistry.Find(name);
        var (a, randomA) = Draw(family, 9);
        var (b, randomB) = Draw(family, 9);
        Assert.Equal(a, b);
        Assert.Equal(family.CreateAnswer(a, randomA, 0.5), family.CreateAnswer(b, randomB, 0.5));
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void SpecJson_StoredAndReadBack_ScoresTheSame(string name)
    {
        var family = TaskFamilyRegistry.Find(name);
        for (var i = 0UL; i < 50; i++)
        {
            var (prompt, random) = Draw(family, i);
            // As a database keeps it: three columns, the JSON possibly reformatted.
            using var document = System.Text.Json.JsonDocument.Parse(prompt.SpecJson);
            var stored = new TaskPrompt(prompt.Family, prompt.Text, System.Text.Json.JsonSerializer.Serialize(document.RootElement));
            var answer = family.CreateAnswer(prompt, random, 0.5);
            Assert.Equal(family.Score(prompt, answer).Value, TaskFamilyRegistry.Score(stored, answer).Value);
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Score_BrokenSpec_NamesTheFamily(string name)
    {
        var family = TaskFamilyRegistry.Find(name);
        foreach (var json in new[] { "", "null", "{}", "[1]", "{\"name\":3" })
        {
            var error = Assert.Throws<ArgumentException>(() => family.Score(new TaskPrompt(name, "x", json), "The bag is blue."));
            Assert.Contains(name, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Score_PromptOfAnotherFamily_Throws()
    {
        var prompt = TaskFamilyRegistry.Find("list").CreatePrompt(new Philox(1));
        var error = Assert.Throws<ArgumentException>(() => TaskFamilyRegistry.Find("sum").Score(prompt, "Six."));
        Assert.Contains("'list'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_UnknownName_ListsTheFamilies()
    {
        var error = Assert.Throws<ArgumentException>(() => TaskFamilyRegistry.Find("poem"));
        Assert.Contains("story-zh", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void CreateFailure_UnknownMode_ListsTheModes()
    {
        var family = TaskFamilyRegistry.Find("sum");
        var error = Assert.Throws<ArgumentException>(() => family.CreateFailure(family.CreatePrompt(new Philox(1)), new Philox(1), "sleepy"));
        Assert.Contains("wrong-result", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Score_HostileText_StaysInRangeAndBounded(string name)
    {
        var family = TaskFamilyRegistry.Find(name);
        var prompt = family.CreatePrompt(new Philox(8));
        var random = new Philox(99);
        for (var i = 0; i < 200; i++)
        {
            var text = new StringBuilder();
            for (var k = random.Next(120); k > 0; k--)
            {
                // Any UTF-16 unit, lone surrogates and control characters included.
                text.Append((char)random.Next(0x10000));
            }

            Assert.InRange(family.Score(prompt, text.ToString()).Value, 0, 0.2);
        }

        string[] huge = [new('a', 1_000_000), new('.', 1_000_000), new(' ', 1_000_000), string.Concat(Enumerable.Repeat("a-", 500_000)), string.Concat(Enumerable.Repeat("红。", 500_000))];
        var watch = Stopwatch.StartNew();
        foreach (var line in huge)
        {
            Assert.InRange(family.Score(prompt, line).Value, 0, 0.01);
        }

        // Only the first AnswerText.MaxChars characters are analysed; seconds would mean the whole line is.
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"{watch.Elapsed}");
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Checks_WeightsSumToOne(string name)
    {
        var family = TaskFamilyRegistry.Find(name);
        var (prompt, random) = Draw(family, 2);
        var checks = family.Score(prompt, family.CreateAnswer(prompt, random, 0.5)).Checks;
        Assert.Equal(1, checks.Sum(c => c.Weight), 9);
        Assert.All(checks, c => Assert.InRange(c.Score, 0, 1));
        Assert.Contains(checks, c => c.IsFactor);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Texts_AreShortAndInTheLexicon(string name)
    {
        var family = TaskFamilyRegistry.Find(name);
        var lexicon = Lexicon.Of(family.Language);
        for (var i = 0UL; i < Prompts; i++)
        {
            var (prompt, random) = Draw(family, i);
            var answer = family.CreateAnswer(prompt, random, quality: 1);
            // Characters count as words in Chinese.
            Assert.InRange(AnswerText.WordsOf(prompt.Text).Count, 2, 45);
            Assert.InRange(AnswerText.WordsOf(answer).Count, 3, family.Language == "zh" ? 90 : 60);
            Assert.All(AnswerText.WordsOf(answer), w => Assert.True(lexicon.Contains(w), $"'{w}' in {answer}"));
            Assert.All(AnswerText.WordsOf(prompt.Text), w => Assert.True(lexicon.Contains(w), $"'{w}' in {prompt.Text}"));
        }
    }

    [Fact]
    public void Lexicon_Sizes_StaySmall()
    {
        Assert.InRange(Lexicon.Of("en").Count, 500, 900);
        Assert.InRange(Lexicon.Of("zh").Count, 200, 350);
    }

    [Fact]
    public void Story_ManyDraws_HardlyEverRepeats()
    {
        // With n distinct stories, 30,000 draws repeat about 30000²/(2n) times: fewer than 450 repetitions mean n above one million.
        var family = TaskFamilyRegistry.Find("story");
        var stories = new HashSet<string>();
        for (var i = 0UL; i < 30_000; i++)
        {
            var (prompt, random) = Draw(family, i);
            stories.Add(family.CreateAnswer(prompt, random, quality: 1));
        }

        Assert.True(stories.Count > 29_550, $"{stories.Count}");
    }

    private static (TaskPrompt Prompt, Philox Random) Draw(ITaskFamily family, ulong i)
    {
        var random = new Philox(2024, i);
        return (family.CreatePrompt(random), random);
    }
}
