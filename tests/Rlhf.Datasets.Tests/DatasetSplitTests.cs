namespace Rlhf.Datasets.Tests;

public sealed class DatasetSplitTests
{
    // 10,000 prompts at a share of 0.2: 2,000 with a standard deviation of √(10000 · 0.2 · 0.8) = 40.
    [Fact]
    public void IsTest_ManyPrompts_TakesTheShareAndASupersetOfASmallerOne()
    {
        var prompts = Enumerable.Range(0, 10_000).Select(i => $"prompt {i}").ToArray();

        var test = prompts.Where(p => DatasetSplit.IsTest(p, 0.2, seed: 3)).ToHashSet();

        Assert.InRange(test.Count, 2000 - 160, 2000 + 160);
        Assert.All(prompts.Where(p => DatasetSplit.IsTest(p, 0.1, seed: 3)), p => Assert.Contains(p, test));
        Assert.False(test.SetEquals(prompts.Where(p => DatasetSplit.IsTest(p, 0.2, seed: 4))));
        Assert.All(prompts, p => Assert.True(DatasetSplit.IsTest(p, 1, 1) && !DatasetSplit.IsTest(p, 0, 1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => DatasetSplit.IsTest("a", double.NaN, 1));
    }

    [Fact]
    public void IsTest_SamePromptWrittenOtherwise_LiesOnTheSameSide()
    {
        Assert.Equal("caf\u00e9 au lait", DatasetSplit.Normalise("  Caf\u00c9\n\tAU  lait "));
        for (var seed = 0UL; seed < 20; seed++)
        {
            Assert.Equal(DatasetSplit.IsTest("Caf\u00e9 au lait", 0.5, seed), DatasetSplit.IsTest(" CAF\u00c9  au\nlait", 0.5, seed));
        }
    }

    [Fact]
    public void Of_SiblingsOfOnePrompt_NeverLieOnBothSides()
    {
        using var folder = new TemporaryDirectory();
        var rows = DatasetReader.ReadAll(
            folder.One("p.jsonl", [.. Enumerable.Range(0, 400).Select(i => $$"""{"prompt": "question {{i % 100}}", "chosen": "a{{i}}", "rejected": "b"}""")]), null, out _);

        var (train, test) = DatasetSplit.Of(rows, 0.3, seed: 1);

        Assert.Equal(400, train.Count + test.Count);
        Assert.Empty(train.Select(r => r.SplitKey).Intersect(test.Select(r => r.SplitKey)));
        Assert.NotEmpty(test);
    }
}
