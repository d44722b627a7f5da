using System.Text.Json;
using Rlhf.Modeling.Tokenization;

namespace Rlhf.Modeling.Tests.Tokenization;

public sealed class VocabularyFilesTests
{
    [Fact]
    public void Load_VocabularyAndMerges_AsTheTokenizerJsonTheyCameFrom()
    {
        using var directory = new TemporaryDirectory();
        var tokenizer = Split(directory, "vocab.json", "merges.txt");
        var loaded = Tokenizer.Load(directory.Path);
        Assert.Equal(tokenizer.VocabSize, loaded.VocabSize);
        foreach (var text in (string[])["the cat sat<|endoftext|> on it's mat", "naïve 你 👍", "  \n "])
        {
            Assert.Equal(tokenizer.Encode(text), loaded.Encode(text));
            Assert.Equal(text.Replace("<|endoftext|>", "", StringComparison.Ordinal), loaded.Decode(loaded.Encode(text)));
        }

        using var second = new TemporaryDirectory();
        loaded.Save(second.Path);
        Assert.Equal(loaded.Encode("a dog"), Tokenizer.Load(second.Path).Encode("a dog"));
    }

    [Fact]
    public void Load_SpecialTokensMapAndBosSetting_Count()
    {
        using var directory = new TemporaryDirectory();
        Split(directory, "encoder.json", "vocab.bpe");
        File.WriteAllText(directory.File("special_tokens_map.json"), """{"pad_token":{"content":"<pad>"},"bos_token":"<|endoftext|>"}""");
        File.WriteAllText(directory.File("tokenizer_config.json"), """{"add_bos_token":true,"bos_token":"<|endoftext|>"}""");
        var tokenizer = Tokenizer.Load(directory.Path);
        Assert.Equal((0, 1), (tokenizer.BosTokenId, tokenizer.PadTokenId));
        Assert.Equal([0, .. tokenizer.Encode("cat", addSpecialTokens: false)], tokenizer.Encode("cat"));
    }

    [Theory]
    [InlineData("a b c", "line 2")]
    [InlineData("a", "line 2")]
    [InlineData("no merge", "model.merges[0]")]
    public void Load_MalformedMerges_NamesThePlace(string line, string expected)
    {
        using var directory = new TemporaryDirectory();
        Split(directory, "vocab.json", "merges.txt");
        File.WriteAllText(directory.File("merges.txt"), "#version: 0.2\n" + line + "\n");
        Assert.Contains(expected, Assert.Throws<InvalidDataException>(() => Tokenizer.Load(directory.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_LlamaClassWithoutBos_AddsNone()
    {
        using var directory = new TemporaryDirectory();
        TinyModels.Tokenizer().Save(directory.Path);
        File.WriteAllText(directory.File("tokenizer_config.json"), """{"tokenizer_class":"LlamaTokenizer","bos_token":"<pad>","eos_token":"<|endoftext|>","add_bos_token":true,"add_eos_token":true}""");
        var tokenizer = Tokenizer.Load(directory.Path);
        Assert.Equal([1, .. tokenizer.Encode("cat", addSpecialTokens: false), 0], tokenizer.Encode("cat"));
        File.WriteAllText(directory.File("tokenizer_config.json"), """{"tokenizer_class":"LlamaTokenizer","bos_token":"<pad>","add_bos_token":false}""");
        Assert.Equal(tokenizer.Encode("cat", addSpecialTokens: false), Tokenizer.Load(directory.Path).Encode("cat"));
    }

    /// <summary>Writes a small tokenizer as its two older files.</summary>
    private static Tokenizer Split(TemporaryDirectory directory, string vocabulary, string merges)
    {
        var tokenizer = TinyModels.Tokenizer();
        using var source = new TemporaryDirectory();
        tokenizer.Save(source.Path);
        using var json = JsonDocument.Parse(File.ReadAllText(source.File("tokenizer.json")));
        var model = json.RootElement.GetProperty("model");
        File.WriteAllText(directory.File(vocabulary), model.GetProperty("vocab").GetRawText());
        File.WriteAllLines(directory.File(merges), ["#version: 0.2", .. model.GetProperty("merges").EnumerateArray().Select(merge => merge.GetString()!)]);
        return tokenizer;
    }
}
