using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rlhf.Modeling.Tokenization;
using Rlhf.Numerics;

namespace Rlhf.Modeling.Tests.Tokenization;

public sealed class TokenizerTests
{
    public static TheoryData<string> Texts =>
    [
        "",
        " ",
        "  two  spaces  ",
        "Hello, world! It's 2024; don't panic.",
        "中文字符：你好，世界。",
        "emoji 👩‍👩‍👧‍👦 🇨🇭 👍🏽 end",
        "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 letters outside the basic plane, and digits 𝟘𝟙𝟚",
        "tabs\tand\r\nline ends\n\n\nand a nul \0 and a bell \a",
        "naïve café, e\u0301 combining",
        "שלום مرحبا नमस्ते",
        "\u00a0\u2003\u3000",
    ];

    [Theory]
    [MemberData(nameof(Texts))]
    public void Decode_OfEncode_IsTheText(string text)
    {
        var tokenizer = TinyModels.Tokenizer();
        Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
        Assert.Equal(text, Streamed(tokenizer, tokenizer.Encode(text), skipSpecialTokens: true));
    }

    [Theory]
    [MemberData(nameof(Texts))]
    public void Decode_OfEncodeWithByteFallback_IsTheText(string text)
    {
        var tokenizer = ByteFallbackTokenizer();
        Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
        Assert.Equal(text, Streamed(tokenizer, tokenizer.Encode(text), skipSpecialTokens: true));
    }

    [Fact]
    public void Decode_OfEncode_IsTheTextForRandomScalarValues()
    {
        var tokenizer = TinyModels.Tokenizer();
        var random = new Philox(11);
        for (var trial = 0; trial < 200; trial++)
        {
            var text = new StringBuilder();
            for (var length = random.Next(40); length > 0; length--)
            {
                var value = random.Next(random.Chance(0.5) ? 0x80 : 0x110000);
                text.Append(Rune.IsValid(value) ? new Rune(value).ToString() : " ");
            }

            Assert.Equal(text.ToString(), tokenizer.Decode(tokenizer.Encode(text.ToString())));
        }
    }

    [Fact]
    public void Append_BytesOfOneCharacter_ComesOutWholeWithTheLastByte()
    {
        // No merges beyond ASCII: 你 is its three UTF-8 bytes, 👍 its four.
        var tokenizer = TinyModels.Tokenizer();
        var stream = tokenizer.CreateStreamingDecoder();
        Assert.Equal(["", "", "你", "", "", "", "👍"], tokenizer.Encode("你👍").Select(stream.Append));
        Assert.Equal("", stream.Flush());
    }

    [Fact]
    public void Append_RandomIds_NeverEmitsHalfACharacter()
    {
        foreach (var tokenizer in (Tokenizer[])[TinyModels.Tokenizer(), ByteFallbackTokenizer()])
        {
            var random = new Philox(5);
            var stream = tokenizer.CreateStreamingDecoder();
            for (var i = 0; i < 2000; i++)
            {
                var part = stream.Append(random.Next(tokenizer.VocabSize));
                Assert.False(part.Length > 0 && (char.IsLowSurrogate(part[0]) || char.IsHighSurrogate(part[^1])));
            }
        }
    }

    [Fact]
    public void Flush_UnfinishedCharacter_IsReplaced()
    {
        var tokenizer = TinyModels.Tokenizer();
        var stream = tokenizer.CreateStreamingDecoder();
        Assert.Equal("", stream.Append(tokenizer.Encode("你")[0]));
        Assert.Equal("\uFFFD", stream.Flush());
        Assert.Equal("a", stream.Append(tokenizer.Encode("a")[0]));
    }

    [Fact]
    public void Decode_BrokenBytes_FollowsTheKindOfDecoder()
    {
        // Byte fallback judges the run E4 BD 61 as a whole (three marks); byte-level decoding marks the broken part E4 BD once.
        var fallback = ByteFallbackTokenizer();
        Assert.Equal("\uFFFD\uFFFD\uFFFD", fallback.Decode([3 + 0xE4, 3 + 0xBD, 3 + 0x61]));
        var byteLevel = TinyModels.Tokenizer();
        var bytes = byteLevel.Encode("你");
        Assert.Equal("\uFFFDa", byteLevel.Decode([bytes[0], bytes[1], .. byteLevel.Encode("a")]));
    }

    [Fact]
    public void Encode_SpecialTokenInText_IsOneId()
    {
        var tokenizer = TinyModels.Tokenizer();
        var ids = tokenizer.Encode("the cat<|endoftext|>the");
        Assert.Equal(1, ids.Count(id => id == tokenizer.EosTokenId));
        Assert.Equal("the catthe", tokenizer.Decode(ids));
        Assert.Equal("the cat<|endoftext|>the", tokenizer.Decode(ids, skipSpecialTokens: false));
    }

    [Fact]
    public void Encode_BosTemplate_PrefixOnlyWhenAsked()
    {
        var tokenizer = ByteFallbackTokenizer();
        Assert.Equal(1, tokenizer.Encode("a")[0]);
        Assert.Equal(tokenizer.Encode("a")[1..], tokenizer.Encode("a", addSpecialTokens: false));
        Assert.Equal([1], tokenizer.Encode(""));
        Assert.Equal(1, tokenizer.BosTokenId);
    }

    [Fact]
    public void Encode_AddedTokenFlags_AbsorbSpaceAndKeepToWholeWords()
    {
        var json = Parsed(TinyModels.Tokenizer());
        var added = json["added_tokens"]!.AsArray();
        added.Add(Added(280, "<l>", "lstrip"));
        added.Add(Added(281, "<r>", "rstrip"));
        added.Add(Added(282, "word", "single_word"));
        var tokenizer = Reload(json);
        Assert.Equal(["a", "280", "b"], Parts("a  <l>b"));
        Assert.Equal(["a", "281", "b"], Parts("a<r>  b"));
        Assert.Equal(["a ", "282", " b"], Parts("a word b"));
        Assert.DoesNotContain("282", Parts("swords"));

        string[] Parts(string text)
        {
            var parts = new List<string> { "" };
            foreach (var id in tokenizer.Encode(text))
            {
                if (id >= 280)
                {
                    parts.AddRange([id.ToString(System.Globalization.CultureInfo.InvariantCulture), ""]);
                }
                else
                {
                    parts[^1] += tokenizer.Decode([id]);
                }
            }

            return [.. parts];
        }
    }

    [Fact]
    public void Encode_ExtremeLength_IsNotQuadratic()
    {
        // One word of 200,000 letters: a quadratic merge loop would need minutes.
        var tokenizer = TinyModels.Tokenizer();
        var text = string.Concat(Enumerable.Repeat("thecatmat", 22_222));
        Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
    }

    [Fact]
    public void Save_ThenLoad_SameFingerprintAndFiles()
    {
        using var directory = new TemporaryDirectory();
        var tokenizer = TinyModels.Tokenizer();
        tokenizer.Save(directory.Path);
        var loaded = Tokenizer.Load(directory.Path);
        Assert.Equal(tokenizer.Fingerprint, loaded.Fingerprint);
        Assert.Equal((tokenizer.VocabSize, tokenizer.EosTokenId, tokenizer.PadTokenId), (loaded.VocabSize, loaded.EosTokenId, loaded.PadTokenId));
        Assert.Equal(2, Directory.GetFiles(directory.Path).Length);
        File.Delete(directory.File("tokenizer_config.json"));
        Assert.NotEqual(tokenizer.Fingerprint, Tokenizer.Load(directory.Path).Fingerprint);
    }

    [Fact]
    public void Load_NoFile_NamesIt()
    {
        using var directory = new TemporaryDirectory();
        Assert.Contains("tokenizer.json", Assert.Throws<FileNotFoundException>(() => Tokenizer.Load(directory.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Decode_UnknownId_NamesIt()
    {
        var tokenizer = TinyModels.Tokenizer();
        Assert.Contains("9999", Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.Decode([9999])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.Decode([-1]));
    }

    [Theory]
    [InlineData("""{"normalizer":{"type":"Nmt"}}""", "normalizer is \"Nmt\"")]
    [InlineData("""{"normalizer":{"type":"Sequence","normalizers":[{"type":"Strip"},{}]}}""", "normalizer.normalizers[1] is \"(no type)\"")]
    [InlineData("""{"normalizer":{"type":"Replace","pattern":{"String":""},"content":""}}""", "normalizer.pattern.String must not be empty")]
    [InlineData("""{"normalizer":{"type":"Replace","pattern":5,"content":""}}""", "normalizer.pattern must be")]
    [InlineData("""{"normalizer":{"type":"Precompiled","precompiled_charsmap":"%"}}""", "normalizer.precompiled_charsmap is not base64")]
    [InlineData("""{"normalizer":{"type":"Precompiled","precompiled_charsmap":"AAEAAA=="}}""", "normalizer.precompiled_charsmap: 4 bytes")]
    [InlineData("""{"pre_tokenizer":{"type":"UnicodeScripts"}}""", "pre_tokenizer is \"UnicodeScripts\"")]
    [InlineData("""{"pre_tokenizer":{"type":"Punctuation","behavior":"Dropped"}}""", "pre_tokenizer.behavior is \"Dropped\"")]
    [InlineData("""{"pre_tokenizer":{"type":"CharDelimiterSplit","delimiter":"ab"}}""", "pre_tokenizer.delimiter must be one character")]
    [InlineData("""{"pre_tokenizer":{"type":"Metaspace","replacement":"_","prepend_scheme":"second"}}""", "pre_tokenizer.prepend_scheme is \"second\"")]
    [InlineData("""{"post_processor":{"type":"Bert"}}""", "post_processor is \"Bert\"")]
    [InlineData("""{"post_processor":{"type":"BertProcessing","sep":["a"],"cls":["b",1]}}""", "post_processor.sep must be [token, id]")]
    [InlineData("""{"post_processor":{"type":"BertProcessing","sep":["a",99999],"cls":["b",1]}}""", "post_processor adds id 99999")]
    [InlineData("""{"post_processor":{"type":"TemplateProcessing","single":[{"Sequence":{"id":"B"}}]}}""", "post_processor.single[0] must be")]
    [InlineData("""{"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x"}}],"special_tokens":{}}}""", "post_processor.special_tokens[\"x\"].ids must be a list")]
    [InlineData("""{"decoder":{"type":"CTC"}}""", "decoder is \"CTC\"")]
    [InlineData("""{"decoder":{"type":"WordPiece"}}""", "decoder.prefix must be a string")]
    [InlineData("""{"decoder":{"type":"Sequence","decoders":[{"type":"Strip","content":"","start":1,"stop":1}]}}""", "decoder.decoders[0]: content must be a character")]
    [InlineData("""{"model":{"type":"WordLevel","vocab":{}}}""", "model.unk_token must be a string")]
    [InlineData("""{"model":{"type":"Wordy","vocab":{}}}""", "model.type is \"Wordy\"")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a"]]}}""", "model.vocab[0] must be [token, score]")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a",0]],"unk_id":1}}""", "model.unk_id")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":2147483647},"merges":[]},"added_tokens":[]}""", "the largest id is 2147483647 with only 1 tokens")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0,"a":1},"merges":[]}}""", "model.vocab has \"a\" twice")]
    [InlineData("""{"model":{"type":"BPE","vocab":[]}}""", "model.vocab must be an object")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}""", "model.vocab[\"a\"]")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0,"b":0},"merges":[]},"added_tokens":[]}""", "id 0 belongs to both")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}""", "model.merges[0]")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b c"]}}""", "model.merges[0] must be")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0}}}""", "model.merges must be a list")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"unk_token":"?"}}""", "model.unk_token \"?\"")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"dropout":0.1}}""", "model.dropout")]
    [InlineData("""{"added_tokens":[{"id":0,"content":""}]}""", "added_tokens[0].content")]
    [InlineData("""{"added_tokens":[{"id":"x","content":"y"}]}""", "added_tokens[0].id")]
    [InlineData("""{"added_tokens":[{"id":7,"content":"a"}]}""", "added token \"a\" has id 7")]
    public void Load_UnsupportedOrMalformedPart_NamesFileAndField(string changes, string expected)
    {
        // As text: JsonNode would not keep a key that is there twice.
        var parts = Parsed(TinyModels.Tokenizer()).ToDictionary(part => part.Key, part => part.Value?.ToJsonString() ?? "null");
        using var changed = JsonDocument.Parse(changes);
        foreach (var part in changed.RootElement.EnumerateObject())
        {
            parts[part.Name] = part.Value.GetRawText();
        }

        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("tokenizer.json"), "{" + string.Join(',', parts.Select(part => $"\"{part.Key}\":{part.Value}")) + "}");
        var fault = Assert.Throws<InvalidDataException>(() => Tokenizer.Load(directory.Path));
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
        Assert.Contains("tokenizer.json", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_NotJsonOrUnknownEos_NamesTheFile()
    {
        using var directory = new TemporaryDirectory();
        TinyModels.Tokenizer().Save(directory.Path);
        File.WriteAllText(directory.File("tokenizer_config.json"), """{"eos_token":"<none>"}""");
        Assert.Contains("eos_token \"<none>\"", Assert.Throws<InvalidDataException>(() => Tokenizer.Load(directory.Path)).Message, StringComparison.Ordinal);
        File.WriteAllText(directory.File("tokenizer.json"), "{");
        Assert.Contains("tokenizer.json", Assert.Throws<InvalidDataException>(() => Tokenizer.Load(directory.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Encode_FromManyThreads_SameIds()
    {
        var tokenizer = TinyModels.Tokenizer();
        var texts = Enumerable.Range(0, 200).Select(i => $"the cat {i} sat on mat {i * i}").ToArray();
        var expected = texts.Select(text => TinyModels.Tokenizer().Encode(text)).ToArray();
        var tasks = Enumerable.Range(0, 4).Select(_ => Task.Run(() => texts.Select(text => tokenizer.Encode(text)).ToArray()));
        foreach (var ids in await Task.WhenAll(tasks))
        {
            Assert.Equal(expected, ids);
        }
    }

    private static string Streamed(Tokenizer tokenizer, int[] ids, bool skipSpecialTokens)
    {
        var stream = tokenizer.CreateStreamingDecoder(skipSpecialTokens);
        return string.Concat(ids.Select(stream.Append)) + stream.Flush();
    }

    /// <summary>SentencePiece-style: 3 special tokens, 256 bytes, then the characters ▁ a b c and the merge ▁+a.</summary>
    private static Tokenizer ByteFallbackTokenizer()
    {
        var vocabulary = new JsonObject { ["<unk>"] = 0, ["<s>"] = 1, ["</s>"] = 2 };
        for (var value = 0; value < 256; value++)
        {
            vocabulary[$"<0x{value:X2}>"] = 3 + value;
        }

        foreach (var token in (string[])["▁", "a", "b", "c", "▁a"])
        {
            vocabulary[token] = vocabulary.Count;
        }

        var json = JsonNode.Parse("""
            {
              "added_tokens": [{"id":1,"content":"<s>","special":true}],
              "normalizer": {"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]},
              "pre_tokenizer": null,
              "post_processor": {"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
                "special_tokens":{"<s>":{"id":"<s>","ids":[1],"tokens":["<s>"]}}},
              "decoder": {"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},
                {"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},
              "model": {"type":"BPE","unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,"merges":[["▁","a"]]}
            }
            """)!.AsObject();
        json["model"]!["vocab"] = vocabulary;
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("tokenizer.json"), json.ToJsonString());
        File.WriteAllText(directory.File("tokenizer_config.json"), """{"bos_token":{"content":"<s>"},"eos_token":"</s>","pad_token":null}""");
        return Tokenizer.Load(directory.Path);
    }

    private static JsonObject Added(int id, string content, string flag) => new() { ["id"] = id, ["content"] = content, [flag] = true };

    private static JsonObject Parsed(Tokenizer tokenizer)
    {
        using var directory = new TemporaryDirectory();
        tokenizer.Save(directory.Path);
        return JsonNode.Parse(File.ReadAllText(directory.File("tokenizer.json")))!.AsObject();
    }

    private static Tokenizer Reload(JsonObject json)
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("tokenizer.json"), json.ToJsonString());
        return Tokenizer.Load(directory.Path);
    }
}
