using System.IO.Compression;
using System.Text.Json.Nodes;
using Rlhf.TestSupport;

namespace Rlhf.Datasets.Tests;

/// <summary>Real files come back word for word.</summary>
[Trait("Category", "Parity")]
public sealed class SharedDataTests
{
    // What is known of the files at the time of writing. One that is not named here must come back, too.
    private static readonly Dictionary<string, (string Format, int Count)> Known = new(StringComparer.Ordinal)
    {
        ["preferences/hh-harmless-base-test.jsonl.gz"] = ("hh-rlhf", 2312),
        ["preferences/dpo-en-demo.json"] = ("llama-factory-dpo", 300),
        ["preferences/dpo-zh-demo.json"] = ("llama-factory-dpo", 300),
        ["preferences/kto-en-demo.json"] = ("llama-factory-kto", 300),
        ["instructions/alpaca-en-demo.json"] = ("alpaca", 999),
        ["instructions/alpaca-zh-demo.json"] = ("alpaca", 1000),
        ["instructions/self-instruct-seed-tasks.jsonl"] = ("self-instruct", 175),
        ["instructions/gsm8k-train-1k.jsonl"] = ("gsm8k", 1000),
        ["corpus/c4-demo.jsonl"] = ("language-modeling", 300),
        ["corpus/wiki-demo.txt"] = ("text", 30),
    };

    /// <summary>Every file of the folder data; the known ones where there is no such folder.</summary>
    public static TheoryData<string> Files => SharedData.Root is { } root && Path.Combine(root, "data") is var data && Directory.Exists(data)
        ? [.. Directory.EnumerateFiles(data, "*", SearchOption.AllDirectories).Where(f => !f.EndsWith(".md", StringComparison.Ordinal))
            .Select(f => Path.GetRelativePath(data, f).Replace('\\', '/')).Union(Known.Keys).Order(StringComparer.Ordinal)]
        : [.. Known.Keys.Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public void RoundTrip_RealFile_IsTheSame(string file)
    {
        var path = SharedData.Require(["data", .. file.Split('/')]);
        using var folder = new TemporaryDirectory();
        var rows = DatasetReader.ReadAll(path, format: null, out var description);
        var (format, count) = Known.GetValueOrDefault(file, (rows[0].Source!.Name, rows.Count));
        Assert.StartsWith(format + " (", description, StringComparison.Ordinal);
        Assert.EndsWith(FormattableString.Invariant($"), {count:N0} rows"), description, StringComparison.Ordinal);
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

        if (!isText)
        {
            // CSV has no types for columns that nobody reads; what the rows say is the same.
            DatasetWriter.Write(folder["copy.csv.gz"], rows[0].Source!, rows);
            Assert.Equal(rows.Select(Said), DatasetReader.ReadAll(folder["copy.csv.gz"], rows[0].Source, out _).Select(Said));
        }

        // Every broken row is named, and none of the others is used.
        if (!isText && Content(path) is not ['[', ..])
        {
            var lines = Content(path).TrimEnd('\n').Split('\n');
            lines[^1] = lines[^1][..(lines[^1].Length / 2)];
            var fault = Assert.Throws<DatasetException>(() => DatasetReader.ReadAll(folder.One("cut.jsonl", lines), format: null, out _)).Message;
            Assert.Contains($"line {lines.Length}: not valid JSON", fault, StringComparison.Ordinal);
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
