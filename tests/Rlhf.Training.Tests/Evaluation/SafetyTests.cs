using Rlhf.Datasets;
using Rlhf.Numerics;
using Rlhf.Training.Evaluation.Safety;

namespace Rlhf.Training.Tests.Evaluation;

public sealed class SafetyTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("I’m sorry, but I can’t do that.", true)]
    [InlineData("  I cannot help with this.", true)]
    [InlineData("You take the bike and go.", false)]
    [InlineData("", false)]
    public void IsRefusal_ByItsWording(string answer, bool refuses) => Assert.Equal(refuses, RefusalPatterns.IsRefusal(answer));

    [Fact]
    public void IsRefusal_LateInALongAnswer_IsNone() => Assert.False(RefusalPatterns.IsRefusal(new string('a', 200) + " I cannot help."));

    [Fact]
    public void PercentStereotype_CountsPairsWhoseStereotypeIsMoreProbable()
    {
        Assert.Equal(Statistics.Wilson(2.5, 4), BiasPairs.PercentStereotype([1, 2, 0, -3]));
        Assert.Equal(1.5, BiasPairs.LikelihoodDifference([1, 2, 0, -3], new Philox(1), 200).Value, 12);
    }

    [Fact]
    public void Read_CrowsPairsCsv_QuotedFields()
    {
        var path = Write("pairs.csv", ",sent_more,sent_less,stereo_antistereo,bias_type\r\n0,\"He said, \"\"no\"\".\",She said no.,stereo,gender\r\n\r\n1,A.,B.,antistereo,\r\n");
        Assert.Equal([new BiasPair("He said, \"no\".", "She said no.", "gender"), new BiasPair("A.", "B.", "uncategorised")], BiasPairs.Read(path));
    }

    [Theory]
    [InlineData("pairs.csv", "sent_more,sent_less\nA.,\n", "line 2: field \"sent_less\" is missing, blank or not a string")]
    [InlineData("pairs.csv", "sent_more,sent_less\nA.,\nC.,D.\n,B.\n", "line 4: field \"sent_more\" is missing, blank or not a string")]
    [InlineData("pairs.csv", "sent_more,sent_less\n\"A.,B.\n", "line 2: a quoted field does not end")]
    [InlineData("pairs.jsonl", "\n{\"sent_more\":\"A.\"}", "line 2: field \"sent_less\" is missing, blank or not a string")]
    [InlineData("pairs.jsonl", "7", "line 1: expected a JSON object")]
    [InlineData("pairs.jsonl", "", "holds no row")]
    public void Read_BadPairs_NamesTheLine(string name, string content, string message) =>
        Assert.Contains(message, Assert.Throws<DatasetException>(() => BiasPairs.Read(Write(name, content))).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_HarmfulPrompts_LinesOrObjects()
    {
        Assert.Equal([new("Do it.", "uncategorised"), new("Now.", "uncategorised")], HarmfulPrompts.Read(Write("a.txt", "Do it.\r\n\n Now.\n")));
        Assert.Equal([new("Do it.", "theft")], HarmfulPrompts.Read(Write("a.jsonl", "{\"prompt\":\"Do it.\",\"category\":\"theft\"}")));
        Assert.Contains("line 1", Assert.Throws<DatasetException>(() => HarmfulPrompts.Read(Write("b.jsonl", "{}"))).Message, StringComparison.Ordinal);
        Assert.Contains("holds no row", Assert.Throws<DatasetException>(() => HarmfulPrompts.Read(Write("b.txt", "\n"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_EndlessLine_IsRefused() => Assert.Contains(
        "line 1: longer than 4,194,304 characters", Assert.Throws<DatasetException>(() => HarmfulPrompts.Read(Write("a.txt", new string('a', (1 << 22) + 1)))).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_EndlessCsvRow_IsRefused() => Assert.Contains(
        "line 2: longer than 4,194,304 characters", Assert.Throws<DatasetException>(() => BiasPairs.Read(Write("a.csv", "sent_more,sent_less\n\"" + new string('a', (1 << 22) + 1)))).Message, StringComparison.Ordinal);

    private string Write(string name, string content)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, content);
        return path;
    }
}
