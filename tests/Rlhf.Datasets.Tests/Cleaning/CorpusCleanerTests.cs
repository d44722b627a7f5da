using Rlhf.Datasets.Cleaning;
using Rlhf.Numerics;
using Rlhf.TestSupport;

namespace Rlhf.Datasets.Tests.Cleaning;

public sealed class CorpusCleanerTests
{
    private static readonly CleaningConfig Small = new() { MinWords = 3, MaxWords = 300 };

    [Fact]
    public void Keep_EachReason_DropsAndSaysWhy()
    {
        var cleaner = new CorpusCleaner(Small with { Languages = ["en"] });
        const string Text = "It was the best of times, it was the worst of times, it was the age of wisdom.";

        Assert.True(cleaner.Keep(Text, "a.txt", 1));
        Assert.False(cleaner.Keep("two words", "a.txt", 2));
        Assert.False(cleaner.Keep(string.Concat(Enumerable.Repeat("the word ", 151)), "a.txt", 3));
        Assert.False(cleaner.Keep("Es war die beste und die schlimmste Zeit, und es war nicht das Jahr der Weisheit.", "a.txt", 4));
        Assert.False(cleaner.Keep("  it WAS the best of times,\nit was the worst of times, it was the age of wisdom.", "b.txt", 1));

        Assert.Equal(
            [
                new("a.txt", 2, DropReason.TooShort, "2 words"),
                new("a.txt", 3, DropReason.TooLong, "302 words"),
                new("a.txt", 4, DropReason.Language, "de"),
                new("b.txt", 1, DropReason.ExactDuplicate, "a.txt:1"),
            ],
            cleaner.Dropped);
        Assert.Equal((1, (long)Text.Length), (cleaner.Kept, cleaner.KeptCharacters));
    }

    // 200 random words have 196 5-grams. One changed word in the middle changes 5 of them: Jaccard 191 / 201 = 0.95. Every 10th word changed
    // changes 20 · 5 = 100: 96 / 296 = 0.32, nearly ten standard deviations of the estimate below 0.75; independent texts share nothing.
    [Fact]
    public void Keep_NearDuplicates_AreFoundAboveTheSimilarityAndNotBelow()
    {
        var random = new Philox(11);
        var cleaner = new CorpusCleaner(Small);
        for (var i = 0; i < 40; i++)
        {
            var words = Enumerable.Range(0, 200).Select(_ => $"w{random.Next(5000)}").ToArray();
            Assert.True(cleaner.Keep(string.Join(' ', words), "x", (3 * i) + 1));
            Assert.False(cleaner.Keep(string.Join(' ', words.Select((w, n) => n == 100 ? "other" : w)), "x", (3 * i) + 2));
            Assert.True(cleaner.Keep(string.Join(' ', words.Select((w, n) => n % 10 == 5 ? $"other{n}" : w)), "x", (3 * i) + 3));
        }

        Assert.Equal(40, cleaner.Dropped.Count);
        Assert.All(cleaner.Dropped, d => Assert.StartsWith($"x:{d.Line - 1}, similarity 0.", d.Detail, StringComparison.Ordinal));
    }

    // The estimate of 112 entries has a standard deviation of √(s(1 − s) / 112); over 60 pairs the mean's is a √60th of it. Bound: four of them.
    [Fact]
    public void Signature_OfPairs_EstimatesTheJaccardSimilarity()
    {
        var random = new Philox(5);
        var minHash = new MinHash(ngram: 1, entries: 112, seed: 1);
        double sum = 0;
        for (var pair = 0; pair < 60; pair++)
        {
            // 60 words in common, 20 more each: 60 / 100.
            var common = Enumerable.Range(0, 60).Select(i => $"c{pair}-{i}-{random.NextUInt32()}").ToList();
            var a = minHash.Signature([.. common, .. Enumerable.Range(0, 20).Select(i => $"a{pair}-{i}")]);
            var b = minHash.Signature([.. common, .. Enumerable.Range(0, 20).Select(i => $"b{pair}-{i}")]);
            sum += a.Zip(b).Average(x => x.First == x.Second ? 1.0 : 0.0);
        }

        Assert.Equal(0.6, sum / 60, 4 * Math.Sqrt(0.6 * 0.4 / 112 / 60));
    }

    [Theory]
    [InlineData("The quick brown fox jumps over the lazy dog, and that is all there is to it.", "en")]
    [InlineData("Der schnelle braune Fuchs springt über den faulen Hund, und das ist auch nicht alles.", "de")]
    [InlineData("Le renard brun saute par-dessus le chien, et ce n'est pas tout ce que nous avons dans la vie.", "fr")]
    [InlineData("El zorro salta sobre el perro y no es todo lo que hay en la vida de los animales.", "es")]
    [InlineData("La volpe salta sopra il cane e questo non è tutto quello che c'è da dire della vita.", "it")]
    [InlineData("Это не всё, что он сказал, но мы уже знали об этом и не были против.", "ru")]
    [InlineData("敏捷的棕色狐狸跳过了懒狗。", "zh")]
    [InlineData("すばやい茶色の狐は怠け者の犬を飛び越える。", "ja")]
    [InlineData("빠른 갈색 여우가 게으른 개를 뛰어넘는다.", "ko")]
    [InlineData("qwerty 12 asdf 9 zxcv", "und")]
    [InlineData("", "und")]
    public void LanguageGuess_Sentences_AreToldApart(string text, string language) => Assert.Equal(language, LanguageGuess.Of(text));

    [Fact]
    public void Constructor_IllegalConfiguration_ListsEveryFault()
    {
        var config = new CleaningConfig { MinWords = -1, MaxWords = 0, Similarity = 0, Ngram = 0, Bands = 0, Rows = 0, Languages = ["xx"] };

        Assert.Equal(7, config.Validate().Count);
        Assert.Contains("language is \"xx\"; known are ar, de", Assert.Throws<ArgumentException>(() => new CorpusCleaner(config)).Message, StringComparison.Ordinal);
    }

    // Real text: articles of an encyclopedia are distinct, and each is English; twice the file is the file.
    [Fact]
    [Trait("Category", "Parity")]
    public void Keep_RealCorpusTwice_KeepsItOnce()
    {
        var path = SharedData.Require("data", "corpus", "c4-demo.jsonl");
        var rows = DatasetReader.ReadAll(path, null, out _);
        var cleaner = new CorpusCleaner(new CleaningConfig { MinWords = 1, Languages = ["en"] });
        var first = rows.Count(r => cleaner.Keep(r.Completions[0].Text!, "first", r.Line));

        // C4 has English pages only; a few are lists of names, in which nothing tells the language.
        Assert.InRange(first, 285, 300);
        Assert.Equal(0, rows.Count(r => cleaner.Keep(r.Completions[0].Text!, "second", r.Line)));
    }
}
