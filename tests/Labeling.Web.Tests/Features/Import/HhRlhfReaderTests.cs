using System.IO.Compression;
using System.Text;
using Labeling.Web.Features.Import;
using Rlhf.TestSupport;

namespace Labeling.Web.Tests.Features.Import;

public sealed class HhRlhfReaderTests : IDisposable
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"hh-{Guid.NewGuid():N}.jsonl");

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void Read_SharedPrompt_SplitsAtTheLastSharedAssistantTurn()
    {
        Write("""{"chosen": "\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: Why?\n\nAssistant: Because.", "rejected": "\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: Why?\n\nAssistant: No."}""");
        var pair = Assert.Single(HhRlhfReader.Read(_file));
        Assert.Equal(new PreferencePair(1, "\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: Why?\n\nAssistant:", "Because.", "No."), pair);
    }

    // The dialogues part in the first answer already: what follows belongs to the answers.
    [Fact]
    public void Read_DialoguesPartEarly_KeepsTheRestInTheAnswers()
    {
        Write("""{"chosen": "\n\nHuman: Hi\n\nAssistant: Yes.\n\nHuman: A\n\nAssistant: B", "rejected": "\n\nHuman: Hi\n\nAssistant: No.\n\nHuman: A\n\nAssistant: C"}""");
        var pair = Assert.Single(HhRlhfReader.Read(_file));
        Assert.Equal("\n\nHuman: Hi\n\nAssistant:", pair.Prompt);
        Assert.Equal("Yes.\n\nHuman: A\n\nAssistant: B", pair.Chosen);
    }

    [Fact]
    public void Read_BrokenLines_ReportsEveryLineAndField()
    {
        Write(
            "not json",
            """{"chosen": 3, "rejected": "\n\nAssistant: x"}""",
            """{"chosen": "\n\nAssistant: x"}""",
            """{"chosen": "no turn", "rejected": "\n\nAssistant: x"}""",
            "[]");
        var exception = Assert.Throws<ImportException>(() => HhRlhfReader.Read(_file));
        Assert.Contains("5 of 5 lines", exception.Message, StringComparison.Ordinal);
        Assert.Contains("line 2: field \"chosen\" is missing or not a string", exception.Message, StringComparison.Ordinal);
        Assert.Contains("line 3: field \"rejected\" is missing or not a string", exception.Message, StringComparison.Ordinal);
        Assert.Contains("line 4: field \"chosen\" has no \"\\n\\nAssistant:\" turn", exception.Message, StringComparison.Ordinal);
        Assert.Contains("line 5: expected a JSON object", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_InvalidUtf8_NamesTheLine()
    {
        File.WriteAllBytes(_file, [.. Encoding.UTF8.GetBytes("""{"chosen": "\n\nAssistant: a", "rejected": "\n\nAssistant: b"}"""), (byte)'\n', 0xff, 0xfe]);
        var exception = Assert.Throws<ImportException>(() => HhRlhfReader.Read(_file));
        Assert.Contains("not valid UTF-8", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_TruncatedGzip_IsRefused()
    {
        var file = _file + ".gz";
        try
        {
            using (var gzip = new GZipStream(File.Create(file), CompressionLevel.Optimal))
            {
                gzip.Write(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 5000).Select(i => $"{{\"chosen\": \"\\n\\nAssistant: {i * 7919}\", \"rejected\": \"\\n\\nAssistant: b\"}}\n"))));
            }

            using (var cut = File.OpenWrite(file))
            {
                cut.SetLength(cut.Length / 2);
            }

            Assert.Throws<ImportException>(() => HhRlhfReader.Read(file));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void Read_EmptyFile_IsRefused()
    {
        Write();
        Assert.Throws<ImportException>(() => HhRlhfReader.Read(_file));
    }

    // The real file: 2,312 pairs; in 5 of them the dialogues part before the last turn, 4 have an empty last answer (its README).
    [Fact]
    [Trait("Category", "Parity")]
    public void Read_HarmlessBase_ReadsEveryPair()
    {
        var pairs = HhRlhfReader.Read(SharedData.Require("data", "preferences", "hh-harmless-base-test.jsonl.gz"));
        Assert.Equal(2312, pairs.Count);
        Assert.All(pairs, p => Assert.EndsWith("\n\nAssistant:", p.Prompt, StringComparison.Ordinal));
        Assert.Equal(4, pairs.Count(p => p.Chosen.Length == 0 || p.Rejected.Length == 0));
    }

    private void Write(params string[] lines) => File.WriteAllLines(_file, lines);
}
