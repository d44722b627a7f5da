using System.IO.Compression;
using System.Text;

namespace Rlhf.Datasets.Tests;

/// <summary>Each broken row is named by file, line and reason, and nothing is used.</summary>
public sealed class BrokenFileTests : IDisposable
{
    private const string Good = """{"chosen": "\n\nHuman: Hi\n\nAssistant: a", "rejected": "\n\nHuman: Hi\n\nAssistant: b"}""";
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_BrokenLines_ReportsEveryLineAndField()
    {
        var message = Fault(_folder.One(
            "hh.jsonl",
            "not json",
            Good,
            """{"chosen": 3, "rejected": "\n\nAssistant: x"}""",
            """{"chosen": "\n\nAssistant: x"}""",
            """{"chosen": "no turn", "rejected": "\n\nAssistant: x"}""",
            "",
            "[]",
            """{"a": 1, "a": 2}"""));

        Assert.Contains("6 of 7 rows cannot be read as hh-rlhf. Nothing was used.", message, StringComparison.Ordinal);
        Assert.Contains("line 1: not valid JSON", message, StringComparison.Ordinal);
        Assert.Contains("line 3: field \"chosen\" is missing or not a string", message, StringComparison.Ordinal);
        Assert.Contains("line 4: field \"rejected\" is missing or not a string", message, StringComparison.Ordinal);
        Assert.Contains("line 5: field \"chosen\" has no \"\\n\\nAssistant:\" turn", message, StringComparison.Ordinal);
        Assert.Contains("line 7: expected a JSON object", message, StringComparison.Ordinal);
        Assert.Contains("line 8: a field stands twice", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_ManyBrokenRows_ReportsTwentyAndTheNumberOfTheOthers()
    {
        var message = Fault(_folder.One("x.jsonl", [Good, .. Enumerable.Repeat("{}", 50)]));

        Assert.Contains("50 of 51 rows", message, StringComparison.Ordinal);
        Assert.Contains("line 21:", message, StringComparison.Ordinal);
        Assert.DoesNotContain("line 22:", message, StringComparison.Ordinal);
        Assert.Contains("and 30 more", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_ArrayOfRows_NamesTheLineOfEachElement()
    {
        var message = Fault(_folder.One(
            "a.json", "[", """ {"instruction": "a [", "input": "", "output": "b ]"},""", "  7,", """ {"instruction": "a \" }", "output":""", "  5}", "]"));

        Assert.Contains("2 of 3 rows cannot be read as alpaca", message, StringComparison.Ordinal);
        Assert.Contains("line 3: expected a JSON object", message, StringComparison.Ordinal);
        Assert.Contains("line 4: field \"output\" is missing or not a string", message, StringComparison.Ordinal);
        Assert.Contains("the file ends before the array does", Fault(_folder.One("b.json", "[", """{"text": "a"}""")), StringComparison.Ordinal);
        Assert.Contains("expected , or ]", Fault(_folder.One("c.json", """[{"text": "a"} {"text": "b"}]""")), StringComparison.Ordinal);
    }

    [Fact]
    public void Read_HugeLine_IsAFaultAndIsNotHeld()
    {
        var path = _folder["huge.jsonl"];
        using (var writer = new StreamWriter(path))
        {
            writer.Write("""{"text": "a"}""" + "\n{\"text\": \"");
            var block = new string('x', 1 << 20);
            for (var i = 0; i < 48; i++)
            {
                writer.Write(block);
            }

            writer.Write("\"}\n" + """{"text": "b"}""");
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        var message = Fault(path);

        Assert.Contains("line 2: longer than 4,194,304 characters", message, StringComparison.Ordinal);
        Assert.Contains("1 of 3 rows", message, StringComparison.Ordinal);

        // The line has 96 MB as UTF-16; a row's limit is 8 MB, and a growing builder holds no more than a few times that.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 48 << 20);
    }

    [Fact]
    public void Read_Csv_UnderstandsQuotesLineBreaksAndTypes()
    {
        var path = _folder.One("u.csv", "prompt,completion,label", "\"a, \"\"b\"\"\nc\",d,True", "\"[{\"\"role\"\":\"\"user\"\",\"\"content\"\":\"\"Hi\"\"}]\",e,false");

        var rows = DatasetReader.ReadAll(path, null, out var description);

        Assert.Equal("unpaired-preference (CSV, columns completion, label, prompt), 2 rows", description);
        Assert.Equal("a, \"b\"\nc", rows[0].Prompt!.Text);
        Assert.Equal("Hi", Assert.Single(rows[1].Prompt!.Messages!).Content);
        Assert.Equal([true, false], rows.Select(r => r.Labels[0]));
        Assert.Contains("line 2: 2 fields; the header has 3", Fault(_folder.One("v.csv", "prompt,completion,label", "a,b", "a,b,true")), StringComparison.Ordinal);
        Assert.Contains("line 2: a quoted field does not end", Fault(_folder.One("w.csv", "prompt,completion", "a,\"b")), StringComparison.Ordinal);
        Assert.Contains("each once", Fault(_folder.One("x.csv", "prompt,prompt", "a,b")), StringComparison.Ordinal);
    }

    [Fact]
    public void Read_CsvWithPandasRowNumbers_LeavesThemOut()
    {
        var rows = DatasetReader.ReadAll(_folder.One("u.csv", ",prompt,completion", "0,a,b", "1,c,d"), null, out var description);

        Assert.Equal("prompt-completion (CSV, columns completion, prompt), 2 rows", description);
        Assert.Equal(["a", "c"], rows.Select(r => r.Prompt!.Text));
        Assert.Contains("must name the columns", Fault(_folder.One("v.csv", "prompt,,completion", "a,b,c")), StringComparison.Ordinal);
    }

    [Fact]
    public void ReadAll_ColumnsOfTheCallersOwn_ReportsEveryRowItRefuses()
    {
        var path = _folder.One("c.jsonl", """{"n": 1}""", """{"n": "x"}""", "", "{", """{"n": 2}""");
        var fault = Assert.Throws<DatasetException>(() => DatasetReader.ReadAll(path, null, row => (int)row["n"]!)).Message;

        Assert.StartsWith($"{path}: 2 of 4 rows cannot be read. Nothing was used.\n  line 2: ", fault, StringComparison.Ordinal);
        Assert.Contains("line 4: not valid JSON", fault, StringComparison.Ordinal);
        Assert.Equal([1, 2], DatasetReader.ReadAll(_folder.One("d.json", """[{"n": 1},""", """{"n": 2}]"""), null, row => (int)row["n"]!));
        Assert.Equal(["a", "{"], DatasetReader.ReadAll(_folder.One("e.jsonl", "a", "{"), DatasetFormat.Text, row => (string)row["text"]!));
    }

    [Fact]
    public void Read_NotText_IsRefused()
    {
        File.WriteAllBytes(_folder["bytes.jsonl"], [.. Encoding.UTF8.GetBytes(Good), (byte)'\n', 0xff, 0xfe]);
        Assert.Contains("not valid UTF-8", Fault(_folder["bytes.jsonl"]), StringComparison.Ordinal);
        Assert.Contains("no such file", Fault(_folder["none.jsonl"]), StringComparison.Ordinal);
        Assert.Contains("holds no row", Fault(_folder.One("empty.jsonl")), StringComparison.Ordinal);
        var unknown = Fault(_folder.One("unknown.jsonl", """{"foo": 1, "bar": 2}"""));
        Assert.Contains("no known format has the columns foo, bar", unknown, StringComparison.Ordinal);
        Assert.Contains("sharegpt: conversations", unknown, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_CutGzip_IsRefused()
    {
        using (var gzip = new GZipStream(File.Create(_folder["cut.jsonl.gz"]), CompressionLevel.Optimal))
        {
            gzip.Write(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 5000).Select(i => $"{{\"text\": \"{i * 7919}\"}}\n"))));
        }

        using (var cut = File.OpenWrite(_folder["cut.jsonl.gz"]))
        {
            cut.SetLength(cut.Length / 2);
        }

        Assert.NotEmpty(Fault(_folder["cut.jsonl.gz"]));
    }

    [Fact]
    public void Write_RowsThatDoNotFit_LeavesNothingBehind()
    {
        var rows = DatasetReader.ReadAll(_folder.One("t.jsonl", """{"text": "a\nb"}""", """{"text": "c"}"""), null, out _);

        var exception = Assert.Throws<DatasetException>(() => DatasetWriter.Write(_folder["t.txt"], DatasetFormat.Text, rows));

        Assert.Contains("line 1: ", exception.Message, StringComparison.Ordinal);
        Assert.Contains("language-modeling rows cannot be written as gsm8k", Assert.Throws<DatasetException>(
            () => DatasetWriter.Write(_folder["t.json"], DatasetFormat.Named("stepwise-supervision"), rows)).Message.Replace("stepwise-supervision", "gsm8k", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("legal are .json", Assert.Throws<DatasetException>(() => DatasetWriter.Write(_folder["t.parquet"], DatasetFormat.Named("alpaca"), rows)).Message, StringComparison.Ordinal);
        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(_folder["t"])!));
    }

    private static string Fault(string path)
    {
        var message = Assert.Throws<DatasetException>(() => DatasetReader.ReadAll(path, format: null, out _)).Message;
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        return message;
    }
}
