using System.IO.Compression;
using System.Text.Json.Nodes;
using Rlhf.TestSupport;

namespace Rlhf.Datasets.Tests;

/// <summary>Real files come back word for word.</summary>
[Trait("Category", "Parity")]
public sealed class SharedDataTests
{
    [Theory]
    [InlineData("preferences/hh-harmless-base-test.jsonl.gz", "hh-rlhf", 2312)]
    [InlineData("preferences/dpo-en-demo.json", "llama-factory-dpo", 300)]
    [InlineData("preferences/dpo-zh-demo.json", "llama-factory-dpo", 300)]
    [InlineData("preferences/kto-en-demo.json", "llama-factory-kto", 300)]
    [InlineData("instructions/alpaca-en-demo.json", "alpaca", 999)]
    [InlineData("instructions/alpaca-zh-demo.json", "alpaca", 1000)]
    [InlineData("instructions/self-instruct-seed-tasks.jsonl", "self-instruct", 175)]
    [InlineData("instructions/gsm8k-train-1k.jsonl", "gsm8k", 1000)]
    [InlineData("corpus/c4-demo.jsonl", "language-modeling", 300)]
    [InlineData("corpus/wiki-demo.txt", "text", 30)]
    public void RoundTrip_RealFile_IsTheSame(string file, string format, int count)
    {
        var path = SharedData.Require(["data", .. file.Split('/')]);
        using var folder = new TemporaryDirectory();
        var rows = DatasetReader.ReadAll(path, format: null, out var description);
        Assert.StartsWith(format + " (", description, StringComparison.Ordinal);
        Assert.Equal(count, rows.Count);
        var isText = format == "text";

        foreach (var name in isText ? (string[])["copy.txt", "copy.txt.gz"] : ["copy.json", "copy.jsonl.gz"])
        {
            Assert.Equal(count, DatasetWriter.Write(folder[name], rows[0].Source!, rows));
            if (isText)
            {
                Assert.Equal(Content(path), Content(folder[name]));
                continue;
            }

            foreach (var (expected, actual) in Rows(path).Zip(Rows(folder[name])))
            {
                Assert.True(JsonNode.DeepEquals(expected, actual), $"{expected.ToJsonString()}\n{actual.ToJsonString()}");
            }
        }

        // Through every other format that holds the type and can say these rows, and back.
        foreach (var other in DatasetFormat.All.Where(f => f.Types.Contains(rows[0].Type) && f.Name != format && f != DatasetFormat.Text))
        {
            try
            {
                DatasetWriter.Write(folder["other.jsonl"], other, rows);
            }
            catch (DatasetException exception)
            {
                Assert.Contains("cannot be written as", exception.Message, StringComparison.Ordinal);
                continue;
            }

            var again = DatasetReader.ReadAll(folder["other.jsonl"], other, out _);

            // Without a prompt of its own, where it ends is what both texts share, which may be more.
            Func<DatasetRow, string> said = other.Name == "preference-implicit" ? Whole : Said;
            Assert.Equal(rows.Select(said), again.Select(said));
        }
    }

    private static string Said(DatasetRow row) => string.Join('|', [Turns(row.Prompt), .. row.Completions.Select(c => row.Prompt is null ? Turns(c) : c.AsText().Trim()), .. row.Labels]);

    private static string Whole(DatasetRow row) => string.Join('|', row.Completions.Select(c => row.Prompt!.Text is { } prompt ? prompt + c.Text : Turns(row.Prompt) + Turns(c)));

    private static string Turns(TextOrMessages? text) => text is null ? "" : string.Concat(text.AsPrompt().Select(m => $"<{m.Role}>{m.Content}"));

    private static string Content(string path)
    {
        using var file = File.OpenRead(path);
        using Stream bytes = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file;
        using var reader = new StreamReader(bytes);
        return reader.ReadToEnd();
    }

    private static JsonNode[] Rows(string path) => Content(path) is ['[', ..] array
        ? [.. JsonNode.Parse(array)!.AsArray().Select(n => n!)]
        : [.. Content(path).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];
}
