using System.Text.Json.Nodes;

namespace Rlhf.Datasets.Tests;

/// <summary>Every format is recognised by its columns, and is written as it was read.</summary>
public sealed class FormatTests
{
    public static TheoryData<string, string> Samples_ => [.. Samples.All];

    public static TheoryData<string> Names => [.. DatasetFormat.All.Select(f => f.Name)];

    [Theory]
    [MemberData(nameof(Samples_))]
    public void Read_DocumentedRow_IsRecognisedAndWrittenAgainWordForWord(string format, string json)
    {
        using var folder = new TemporaryDirectory();
        var rows = DatasetReader.ReadAll(folder.One("in.jsonl", json), format: null, out var description);

        Assert.StartsWith(format + " (JSON Lines, columns ", description, StringComparison.Ordinal);
        Assert.EndsWith(", 1 row", description, StringComparison.Ordinal);
        foreach (var name in (string[])["out.jsonl", "out.json", "out.jsonl.gz", "out.csv"])
        {
            Assert.Equal(1, DatasetWriter.Write(folder[name], rows[0].Source!, rows));
            var again = DatasetReader.ReadAll(folder[name], DatasetFormat.Named(format), out _);
            DatasetWriter.Write(folder["again.jsonl"], rows[0].Source!, again);

            // CSV has no types: a column that nobody reads comes back as a string.
            if (name != "out.csv")
            {
                Assert.True(JsonNode.DeepEquals(Samples.Parse(json), Samples.Parse(File.ReadAllText(folder["again.jsonl"]))), File.ReadAllText(folder["again.jsonl"]));
            }

            AssertSame(rows[0], again[0]);
        }
    }

    // What a row says survives every format that has its type.
    [Theory]
    [MemberData(nameof(Samples_))]
    public void Write_ToEveryOtherFormatOfTheType_SaysTheSame(string format, string json)
    {
        using var folder = new TemporaryDirectory();
        var row = DatasetReader.ReadAll(folder.One("in.jsonl", json), DatasetFormat.Named(format), out _)[0];
        foreach (var other in DatasetFormat.All.Where(f => f.Types.Contains(row.Type) && f != DatasetFormat.Text))
        {
            try
            {
                DatasetWriter.Write(folder["other.jsonl"], other, [row]);
            }
            catch (DatasetException exception)
            {
                // Only what the format has no place for, such as several turns in a question.
                Assert.Matches("holds (prompts of one user's message|2 outputs)|two parts|system first", exception.Message);
                continue;
            }

            var again = Assert.Single(DatasetReader.ReadAll(folder["other.jsonl"], other, out _));
            // AlpacaEval says of a ranking of two without a tie that one is preferred.
            Assert.Equal(Said(row.Type == again.Type ? row : row.To(again.Type).Single()), Said(again));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Named_EveryFormat_IsFoundAndHasASample(string name)
    {
        Assert.Equal(name, DatasetFormat.Named(name).ToString());
        Assert.True(name == "text" || Samples.All.Any(s => s.Format == name), $"{name} has no sample");
    }

    [Fact]
    public void Named_UnknownFormat_ListsTheLegalOnes() =>
        Assert.Contains("legal values: alpaca, alpaca-eval, gsm8k", Assert.Throws<DatasetException>(() => DatasetFormat.Named("parquet")).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_OasstTree_GivesARankingForEveryMessageWithRankedReplies()
    {
        using var folder = new TemporaryDirectory();
        var file = folder.One("trees.jsonl", """
            {"message_tree_id":"1","prompt":{"text":"Hi","role":"prompter","replies":[{"text":"B","role":"assistant","rank":1,"replies":[]},{"text":"A","role":"assistant","rank":0,"replies":[{"text":"Why?","role":"prompter","replies":[{"text":"X","role":"assistant","rank":0},{"text":"Y","role":"assistant","rank":0},{"text":"Z","role":"assistant","rank":2}]},{"text":"Bye","role":"prompter","replies":[{"text":"only","role":"assistant","rank":0}]}]}]}}
            """.Trim());

        var rows = DatasetReader.ReadAll(file, null, out _);

        Assert.Equal(2, rows.Count);
        Assert.Equal(["A", "B"], rows[0].Completions.Select(c => c.AsText()));
        Assert.Equal("\n\nHuman: Hi\n\nAssistant: A\n\nHuman: Why?\n\nAssistant:", rows[1].Prompt!.AsText());
        Assert.Equal([0, 0, 2], rows[1].Ranks);

        // X > Z and Y > Z; X and Y tie.
        Assert.Equal([("X", "Z"), ("Y", "Z")], rows[1].To(DatasetType.Preference).Select(p => (p.Completions[0].AsText(), p.Completions[1].AsText())));
    }

    [Fact]
    public void Read_Ranking_IsInTheOrderOfItsRanks_AndItsPairsLeaveTiesOut()
    {
        using var folder = new TemporaryDirectory();
        var row = DatasetReader.ReadAll(folder.One("r.jsonl", """{"prompt":"Q","completions":["worst","best","also best"],"ranks":[7,-1,-1]}"""), null, out _)[0];

        Assert.Equal([("best", -1), ("also best", -1), ("worst", 7)], row.Completions.Zip(row.Ranks, (c, rank) => (c.Text!, rank)));
        var pairs = row.To(DatasetType.Preference).ToArray();
        Assert.Equal([("best", "worst"), ("also best", "worst")], pairs.Select(p => (p.Completions[0].Text!, p.Completions[1].Text!)));

        // A pair is no longer the row it came from.
        DatasetWriter.Write(folder["pairs.jsonl"], DatasetFormat.Named("ranking"), pairs[..1]);
        Assert.True(JsonNode.DeepEquals(Samples.Parse("""{"prompt":"Q","completions":["best","worst"],"ranks":[0,1]}"""), Samples.Parse(File.ReadAllText(folder["pairs.jsonl"]))));
    }

    [Theory]
    [InlineData("""{"prompt":"Q","completions":["a","b"],"ranks":[1]}""", "2 completions or more, and a rank for each; here are 2 and 1")]
    [InlineData("""{"prompt":"Q","completions":["a"],"ranks":[1]}""", "here are 1 and 1")]
    [InlineData("""{"prompt":"Q","completions":["a","b"],"ranks":[1,1.5]}""", "field \"ranks\"[1] is not a whole number")]
    [InlineData("""{"prompt":"Q","completions":["a",3],"ranks":[1,2]}""", "field \"completions\"[1] is missing or not a string or a list of messages")]
    [InlineData("""{"prompt":"Q","completions":["a",[{"role":"assistant"}]],"ranks":[1,2]}""", "field \"completions\"[1][0] has no text")]
    [InlineData("""{"completions":["a","b"],"ranks":[1,2]}""", "field \"prompt\" is missing or not a string or a list of messages")]
    [InlineData("""{"instruction":"Add.","input":"","output":"5","kto_tag":"bad"}""", "field \"kto_tag\" is missing or not true or false")]
    public void Read_BrokenRow_IsNamedByLineAndReason(string row, string fault)
    {
        using var folder = new TemporaryDirectory();
        var file = folder.One("r.jsonl", """{"prompt":"Q","completions":["a","b"],"ranks":[1,2]}""", row);
        var format = row.Contains("kto_tag", StringComparison.Ordinal) ? "llama-factory-kto-alpaca" : "ranking";
        var message = Assert.Throws<DatasetException>(() => DatasetReader.ReadAll(file, DatasetFormat.Named(format), out _)).Message;
        Assert.Contains(fault, Assert.Single(message.Split('\n'), line => line.StartsWith("  line 2: ", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public void ToAll_RowsThatHoldNothingWanted_AreNamedByLine()
    {
        using var folder = new TemporaryDirectory();
        var file = folder.One(
            "c.jsonl",
            """{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello."}]}""",
            """{"messages":[{"role":"user","content":"Hi"}]}""",
            """{"messages":[{"role":"assistant","content":"Hi"},{"role":"user","content":"Hello."}]}""");
        var rows = DatasetReader.ReadAll(file, null, out _);

        Assert.Equal(
            "c: 2 of 3 rows hold no prompt-completion rows. Nothing was used.\n"
            + "  line 2: only a conversation that ends with the assistant has a prompt and a completion\n"
            + "  line 3: only a conversation that ends with the assistant has a prompt and a completion",
            Assert.Throws<DatasetException>(() => rows.ToAll("c", DatasetType.PromptCompletion)).Message);
        Assert.Equal(3, rows.ToAll("c", DatasetType.PromptCompletion, DatasetType.LanguageModeling).Count);
        var bad = DatasetReader.ReadAll(folder.One("u.jsonl", """{"prompt":"Q","completion":"A","label":false}"""), null, out _);
        Assert.Contains("the rows hold no prompt-completion rows", Assert.Throws<DatasetException>(() => bad.ToAll("u", DatasetType.PromptCompletion)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void To_PreferenceAsUnpaired_IsTwoRows()
    {
        using var folder = new TemporaryDirectory();
        var row = DatasetReader.ReadAll(folder.One("p.jsonl", """{"prompt":"Q","chosen":"A","rejected":"B"}"""), null, out _)[0];

        Assert.Equal([("A", true), ("B", false)], row.To(DatasetType.UnpairedPreference).Select(r => (r.Completions[0].Text!, r.Labels[0])));
        Assert.Equal("A", row.To(DatasetType.PromptCompletion).Single().Completions[0].Text);
        Assert.Empty(row.To(DatasetType.PromptOnly).Single().Completions);
        Assert.Throws<FormatException>(() => row.To(DatasetType.StepwiseSupervision).ToArray());
    }

    [Fact]
    public void Converts_EveryPairOfTypes_AgreesWithTo()
    {
        using var folder = new TemporaryDirectory();
        foreach (var (format, json) in Samples.All.DistinctBy(s => s.Format))
        {
            var row = DatasetReader.ReadAll(folder.One("r.jsonl", json), DatasetFormat.Named(format), out _)[0];
            foreach (var type in Enum.GetValues<DatasetType>().Where(t => row.Type != DatasetType.LanguageModeling || row.Completions[0].Messages is not null))
            {
                Assert.True(RowConversion.Converts(row.Type, type) == (Record.Exception(() => row.To(type).ToArray()) is null), $"{row.Type} to {type}");
            }
        }
    }

    [Fact]
    public void Write_AlpacaAsShareGpt_HasTheTurns()
    {
        using var folder = new TemporaryDirectory();
        var rows = DatasetReader.ReadAll(folder.One("a.jsonl", Samples.All.Last(s => s.Format == "alpaca").Json), null, out _);

        DatasetWriter.Write(folder["s.json"], DatasetFormat.Named("sharegpt"), rows);

        Assert.True(JsonNode.DeepEquals(
            Samples.Parse("""[{"conversations":[{"from":"system","value":"Be kind."},{"from":"human","value":"Hi"},{"from":"gpt","value":"Hello."},{"from":"human","value":"Again."},{"from":"gpt","value":"Yes."}]}]"""),
            Samples.Parse(File.ReadAllText(folder["s.json"]))));
    }

    private static string Said(DatasetRow row) => string.Join(
        "|",
        row.Type,
        row.Prompt is null ? "" : Turns(row.Prompt.AsPrompt()),
        string.Join("/", row.Completions.Select(c => row.Type == DatasetType.LanguageModeling ? Turns(c.AsPrompt()) : c.AsText().Trim())),
        string.Join(",", row.Labels),
        string.Join(",", row.Ranks));

    private static string Turns(IReadOnlyList<Message> messages) => string.Concat(messages.Select(m => $"<{m.Role}>{m.Content}"));

    private static void AssertSame(DatasetRow expected, DatasetRow actual)
    {
        Assert.Equal(Said(expected), Said(actual));
        Assert.Equal(expected.Margin, actual.Margin);
    }
}
