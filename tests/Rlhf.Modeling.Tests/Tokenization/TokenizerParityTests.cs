using System.Text.Json;
using Rlhf.Modeling.Tokenization;
using Rlhf.TestSupport;

namespace Rlhf.Modeling.Tests.Tokenization;

/// <summary>Every case file and every tokenizer under RLHF_SHARED/fixtures/tokenizers: ids and texts of the reference library.</summary>
[Trait("Category", "Parity")]
public sealed class TokenizerParityTests
{
    /// <summary>A case file, a tokenizer it has cases for, and a form the tokenizer comes in; or one empty row, which is skipped, without the folder.</summary>
    public static TheoryData<string, string, string> Tokenizers()
    {
        var rows = new TheoryData<string, string, string>();
        foreach (var file in ReferenceTokenizers.CaseFiles())
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(file));
            foreach (var tokenizer in json.RootElement.GetProperty("tokenizers").EnumerateObject())
            {
                foreach (var form in ReferenceTokenizers.Forms(file, tokenizer.Name))
                {
                    rows.Add(file, tokenizer.Name, form);
                }
            }
        }

        if (rows.Count == 0)
        {
            rows.Add("", "", "");
        }

        return rows;
    }

    [Theory]
    [MemberData(nameof(Tokenizers))]
    public void Encode_ReferenceTexts_SameIds(string file, string name, string form)
    {
        using var directory = new TemporaryDirectory();
        var tokenizer = Load(file, name, form, directory);
        var count = 0;
        foreach (var item in Cases(file).GetProperty("cases").EnumerateArray().Where(item => item.GetProperty("ids").TryGetProperty(name, out _)))
        {
            var text = item.GetProperty("text").GetString()!;
            var expected = Ids(item.GetProperty("ids").GetProperty(name));
            Assert.Equal((text, string.Join(' ', expected)), (text, string.Join(' ', tokenizer.Encode(text))));
            Assert.Equal(tokenizer.Encode(text, addSpecialTokens: false), tokenizer.EncodeWithRanges(text).Ids);
            count++;
        }

        Assert.NotEqual(0, count);
        Assert.Equal(Cases(file).GetProperty("tokenizers").GetProperty(name).TryGetProperty("vocabulary", out var size) ? size.GetInt32() : tokenizer.VocabSize, tokenizer.VocabSize);
    }

    [Theory]
    [MemberData(nameof(Tokenizers))]
    public void Decode_ReferenceIds_SameTextAtOnceAndStreamed(string file, string name, string form)
    {
        using var directory = new TemporaryDirectory();
        var tokenizer = Load(file, name, form, directory);
        foreach (var item in Cases(file).GetProperty("decode").GetProperty(name).EnumerateArray())
        {
            var ids = Ids(item.GetProperty("ids"));
            var expected = item.GetProperty("text").GetString()!;
            Assert.Equal(expected, tokenizer.Decode(ids, skipSpecialTokens: false));
            var stream = tokenizer.CreateStreamingDecoder(skipSpecialTokens: false);
            Assert.Equal(expected, string.Concat(ids.Select(stream.Append)) + stream.Flush());
        }
    }

    private static Tokenizer Load(string file, string name, string form, TemporaryDirectory directory)
    {
        SharedData.Require("fixtures", "tokenizers");
        return Tokenizer.Load(ReferenceTokenizers.Directory(file, name, form, directory.Path));
    }

    private static JsonElement Cases(string file)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(file));
        return json.RootElement.Clone();
    }

    private static int[] Ids(JsonElement list) => [.. list.EnumerateArray().Select(id => id.GetInt32())];
}
