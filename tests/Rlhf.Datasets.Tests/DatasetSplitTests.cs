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
    public void First_SiblingsOfTheFirstRows_AreForTrainingToo()
    {
        using var folder = new TemporaryDirectory();
        var rows = DatasetReader.ReadAll(
            folder.One("p.jsonl", [.. ((string[])["a", "b", "c", " A ", "d", "b"]).Select((p, i) => $$"""{"prompt": "{{p}}", "chosen": "{{i}}", "rejected": "x"}""")]), null, out _);

        var (train, test) = DatasetSplit.First(rows, 2);

        Assert.Equal(["0", "1", "3", "5"], train.Select(r => r.Completions[0].Text));
        Assert.Equal(["2", "4"], test.Select(r => r.Completions[0].Text));
    }

    // A tool's message has no place in HH-RLHF's layout, which other conversations are compared in.
    [Fact]
    public void SplitKey_ConversationWithATool_IsItsRolesAndContents()
    {
        using var folder = new TemporaryDirectory();
        var row = DatasetReader.ReadAll(
            folder.One("t.jsonl", """{"messages":[{"role":"user","content":"Weather?"},{"role":"tool","content":"Sun."},{"role":"assistant","content":"Sunny."}]}"""), null, out _)[0];

        Assert.Equal("\n\nuser: Weather?\n\ntool: Sun.\n\nassistant: Sunny.", row.SplitKey);
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

    // The same prompt as a string, as a message, in other letters, and whatever format and type its row has.
    [Fact]
    public void Of_SiblingsOfEveryFormat_NeverLieOnBothSides()
    {
        using var folder = new TemporaryDirectory();
        var rows = new List<DatasetRow>();
        for (var i = 0; i < 60; i++)
        {
            foreach (var json in (string[])[
                $$"""{"prompt":"Question {{i}}?","completion":"a"}""",
                $$"""{"prompt":[{"role":"user","content":"question  {{i}}?"}],"chosen":[{"role":"assistant","content":"a"}],"rejected":[{"role":"assistant","content":"b"}]}""",
                $$"""{"instruction":"Question {{i}}?","input":"","output":"a"}""",
                $$"""{"question":"Question {{i}}?","answer":"#### 1"}""",
                $$"""{"conversations":[{"from":"human","value":"Question {{i}}?"}],"chosen":{"from":"gpt","value":"a"},"rejected":{"from":"gpt","value":"b"} }""",
                $$"""{"messages":[{"role":"user","content":"QUESTION {{i}}?"},{"role":"assistant","content":"a"}],"label":true}""",
                $$"""{"prompt":"Question {{i}}?","completions":["a","b","c"],"ranks":[1,2,3]}""",
                $$"""{"instruction":"Question {{i}}?","output_1":"a","output_2":"b","preference":1}"""])
            {
                rows.AddRange(DatasetReader.ReadAll(folder.One("r.jsonl", json), null, out _));
            }
        }

        var (train, test) = DatasetSplit.Of(rows, 0.4, seed: 5);

        Assert.Equal(8 * 60, train.Count + test.Count);
        Assert.All(test.GroupBy(r => DatasetSplit.Normalise(r.SplitKey)), siblings => Assert.Equal(8, siblings.Count()));
        Assert.All(train.GroupBy(r => DatasetSplit.Normalise(r.SplitKey)), siblings => Assert.Equal(8, siblings.Count()));
        Assert.NotEmpty(test);
    }
}
