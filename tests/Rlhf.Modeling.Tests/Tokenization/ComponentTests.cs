using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Tokenization.Normalizers;
using Rlhf.Modeling.Tokenization.PreTokenizers;

namespace Rlhf.Modeling.Tests.Tokenization;

/// <summary>Every component of tokenizer.json against the reference library's outputs (Reference/components.json, written by components.mjs).</summary>
public sealed class ComponentTests
{
    private static readonly JsonElement Reference = Load();
    private static readonly string[] Texts = [.. Reference.GetProperty("texts").EnumerateArray().Select(text => text.GetString()!)];

    public static TheoryData<int, string> Normalizers => Rows("normalizers");

    public static TheoryData<int, string> PreTokenizers => Rows("preTokenizers");

    public static TheoryData<string> Tokenizers => [.. Reference.GetProperty("tokenizers").EnumerateObject().Select(entry => entry.Name)];

    [Theory]
    [MemberData(nameof(Normalizers))]
    public void Normalizer_EveryText_AsTheReference(int index, string type)
    {
        var entry = Reference.GetProperty("normalizers")[index];
        var normalizer = Normalizer.Parse(entry.GetProperty("config"));
        var outputs = entry.GetProperty("outputs");
        for (var i = 0; i < Texts.Length; i++)
        {
            Assert.Equal((type, outputs[i].GetString()), (type, normalizer.Apply(Texts[i])));
            AssertAligned(Texts[i], normalizer.Apply(new AlignedText(Texts[i], 0, tracks: true)));
        }
    }

    [Theory]
    [MemberData(nameof(PreTokenizers))]
    public void PreTokenizer_EveryText_SamePieces(int index, string type)
    {
        var entry = Reference.GetProperty("preTokenizers")[index];
        var preTokenizer = PreTokenizer.Parse(entry.GetProperty("config"), bytes: false);
        var outputs = entry.GetProperty("outputs");
        for (var i = 0; i < Texts.Length; i++)
        {
            var split = preTokenizer.Apply(new AlignedText(Texts[i], 0, tracks: true));
            Assert.Equal(
                (type, Texts[i], string.Join('|', outputs[i].EnumerateArray().Select(piece => piece.GetString()))),
                (type, Texts[i], string.Join('|', split.Pieces.Select(piece => split.Text.Text[piece.Start..piece.End]))));
            AssertAligned(Texts[i], split.Text);
        }
    }

    [Theory]
    [MemberData(nameof(Tokenizers))]
    public void Tokenizer_EveryText_SameIdsPairsAndDecoding(string name)
    {
        var entry = Reference.GetProperty("tokenizers").GetProperty(name);
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("tokenizer.json"), entry.GetProperty("config").GetRawText());
        var tokenizer = Tokenizer.Load(directory.Path);
        for (var i = 0; i < Texts.Length; i++)
        {
            Assert.Equal((Texts[i], Joined(entry.GetProperty("ids")[i])), (Texts[i], Joined(tokenizer.Encode(Texts[i]))));
            var (ids, types) = tokenizer.EncodePair(Texts[i], "hello a");
            Assert.Equal((Texts[i], Joined(entry.GetProperty("pairs")[i][0])), (Texts[i], Joined(ids)));
            Assert.Equal((Texts[i], Joined(entry.GetProperty("pairs")[i][1])), (Texts[i], Joined(types)));
            Assert.Equal(tokenizer.Encode(Texts[i], addSpecialTokens: false), tokenizer.EncodeWithRanges(Texts[i]).Ids);
        }

        foreach (var item in entry.GetProperty("decode").EnumerateArray())
        {
            var ids = item[0].EnumerateArray().Select(id => id.GetInt32()).ToArray();
            Assert.Equal((Joined(ids), item[1].GetString()), (Joined(ids), tokenizer.Decode(ids, skipSpecialTokens: false)));
            Assert.Equal((Joined(ids), item[2].GetString()), (Joined(ids), tokenizer.Decode(ids)));
            var stream = tokenizer.CreateStreamingDecoder(skipSpecialTokens: false);
            Assert.Equal(item[1].GetString(), string.Concat(ids.Select(stream.Append)) + stream.Flush());
        }
    }

    [Theory]
    [InlineData(@"(a)\1", "the back reference \\1")]
    [InlineData(@"\X", "\\X")]
    [InlineData(@"\p{Klingon}", "\\p{Klingon}")]
    [InlineData(@"(?x) a", "(?x")]
    [InlineData("a)", "unmatched ')'")]
    [InlineData("(a", "missing ')'")]
    [InlineData("[a", "missing ']'")]
    [InlineData("[z-a]", "runs backwards")]
    [InlineData("*a", "nothing to repeat")]
    [InlineData("a{5000}", "repeat count above 1000")]
    [InlineData("a\\", "ends in a backslash")]
    public void Split_PatternThatCannotBeTranslated_NamesTheConstruct(string pattern, string expected)
    {
        var config = new JsonObject { ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = pattern }, ["behavior"] = "Isolated", ["invert"] = false };
        using var json = JsonDocument.Parse(config.ToJsonString());
        var fault = Assert.Throws<InvalidDataException>(() => PreTokenizer.Parse(json.RootElement, bytes: false));
        Assert.Contains("pre_tokenizer.pattern.Regex", fault.Message, StringComparison.Ordinal);
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Split_DeeplyNestedGroups_AreRefused()
    {
        var pattern = new string('(', 5000) + new string(')', 5000);
        using var json = JsonDocument.Parse($$$"""{"type":"Split","pattern":{"Regex":"{{{pattern}}}"},"behavior":"Isolated"}""");
        Assert.Contains("nested deeper", Assert.Throws<InvalidDataException>(() => PreTokenizer.Parse(json.RootElement, bytes: false)).Message, StringComparison.Ordinal);
    }

    /// <summary>Ranges must lie in the text, in order, and unchanged characters must point at themselves.</summary>
    private static void AssertAligned(string original, AlignedText text)
    {
        var last = 0;
        for (var i = 0; i < text.Text.Length; i++)
        {
            var (start, end) = text.OriginalRange(i, i + 1);
            Assert.True(0 <= last && last <= start && start <= end && end <= original.Length, $"unit {i} of \"{text.Text}\": {start}..{end} after {last}");
            last = start;
        }
    }

    private static TheoryData<int, string> Rows(string section) =>
        [.. Reference.GetProperty(section).EnumerateArray().Select((entry, i) =>
            new TheoryDataRow<int, string>(i, entry.GetProperty("config").GetRawText() is var text && text.Length > 60 ? text[..60] : text))];

    private static string Joined(JsonElement ids) => Joined(ids.EnumerateArray().Select(id => id.GetInt32()));

    private static string Joined(IEnumerable<int> ids) => string.Join(' ', ids.Select(id => id.ToString(CultureInfo.InvariantCulture)));

    private static JsonElement Load()
    {
        using var stream = typeof(ComponentTests).Assembly.GetManifestResourceStream("components.json")!;
        using var document = JsonDocument.Parse(stream);
        return document.RootElement.Clone();
    }
}
