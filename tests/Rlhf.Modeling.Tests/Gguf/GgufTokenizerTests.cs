using System.Text.Json.Nodes;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Gguf;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Tokenization.PreTokenizers;
using Rlhf.TestSupport;

namespace Rlhf.Modeling.Tests.Gguf;

public sealed class GgufTokenizerTests
{
    private const string ByteLevel = """{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}""";
    private const string SplitByteLevel = """{"type":"ByteLevel","add_prefix_space":false,"use_regex":true}""";

    /// <summary>Two letters, their join, and all bytes: the smallest tokenizer with byte fallback. ▁ is U+2581.</summary>
    private static JsonObject SentencePiece()
    {
        var vocabulary = new JsonObject { ["<unk>"] = 0, ["<s>"] = 1, ["</s>"] = 2 };
        for (var value = 0; value < 256; value++)
        {
            vocabulary[$"<0x{value:X2}>"] = 3 + value;
        }

        foreach (var token in (string[])["▁", "a", "b", "ab", "▁ab", "▁a"])
        {
            vocabulary[token] = vocabulary.Count;
        }

        return new JsonObject
        {
            ["added_tokens"] = new JsonArray(
                [.. new[] { "<unk>", "<s>", "</s>" }.Select((content, id) => new JsonObject { ["id"] = id, ["content"] = content, ["special"] = true })]),
            ["normalizer"] = JsonNode.Parse("""{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}"""),
            ["pre_tokenizer"] = null,
            ["post_processor"] = JsonNode.Parse("""{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"special_tokens":{"<s>":{"id":"<s>","ids":[1],"tokens":["<s>"]}}}"""),
            ["decoder"] = null,
            ["model"] = new JsonObject
            {
                ["type"] = "BPE", ["unk_token"] = "<unk>", ["fuse_unk"] = true, ["byte_fallback"] = true, ["vocab"] = vocabulary,
                ["merges"] = new JsonArray("a b", "▁ ab", "▁ a", "▁a b"),
            },
        };
    }

    [Fact]
    public void Describe_ByteFallback_GivesScoresTypesAndIds()
    {
        var (metadata, report) = Export(SentencePiece(), """{"bos_token":"<s>","eos_token":"</s>","unk_token":"<unk>"}""");
        Assert.Equal("llama", metadata["tokenizer.ggml.model"]);
        var tokens = (string[])metadata["tokenizer.ggml.tokens"];
        var types = (int[])metadata["tokenizer.ggml.token_type"];
        var scores = (float[])metadata["tokenizer.ggml.scores"];
        Assert.Equal((288, 288, 288), (tokens.Length, types.Length, scores.Length));

        // 2 unknown, 3 control, 6 byte, 1 normal, 5 unused.
        Assert.Equal([2, 3, 3, 6], types[..4]);
        Assert.Equal([6, 1, 1, 1, 1, 1, 1, 5], types[258..266]);
        Assert.Equal(["<0xFF>", "▁", "a", "b", "ab", "▁ab", "▁a", "[PAD265]"], tokens[258..266]);

        // "a b" is merge 0, "▁ ab" 1, "▁ a" 2, "▁a b" 3: ▁ab has its first merge at 1. What no merge makes has -4, the lowest.
        Assert.Equal([-4f, -4f, -4f, -4f, 0f, -1f, -2f, -4f], scores[258..266]);
        Assert.Equal((1u, 2u, 0u), ((uint)metadata["tokenizer.ggml.bos_token_id"], (uint)metadata["tokenizer.ggml.eos_token_id"], (uint)metadata["tokenizer.ggml.unknown_token_id"]));
        Assert.Equal((true, false, true), ((bool)metadata["tokenizer.ggml.add_bos_token"], (bool)metadata["tokenizer.ggml.add_eos_token"], (bool)metadata["tokenizer.ggml.add_space_prefix"]));
        Assert.Equal(0u, metadata["tokenizer.ggml.eot_token_id"]); // The model's own end of text, besides the tokenizer's.

        // Merge 3 of ▁ab comes after merge 2 of ▁a.
        Assert.StartsWith("0 pairs of tokens are joined by llama.cpp although they are no merge, and the merges of 1 tokens", Assert.Single(report.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void Describe_ByteFallbackWithoutAMerge_SaysHowManyPairs()
    {
        var json = SentencePiece();
        json["model"]!["merges"] = new JsonArray("a b", "▁ ab", "▁ a");
        Assert.StartsWith("1 pairs of tokens are joined", Assert.Single(Export(json).Report.Notes), StringComparison.Ordinal); // ▁a and b make ▁ab
    }

    [Fact]
    public void Describe_Stories260K_IsExact()
    {
        var directory = SharedData.Require("models", "stories260k");
        using var work = new TemporaryDirectory();
        using var model = PretrainedModel.LoadCausal(directory);
        var report = GgufExport.Write(model, Tokenizer.Load(directory), work.File("m.gguf"), GgufType.F32);
        Assert.Empty(report.Notes);
        using var file = GgufFile.Open(work.File("m.gguf"));
        Assert.Equal((2u, 1u), ((uint)file.Metadata["tokenizer.ggml.eos_token_id"], (uint)file.Metadata["tokenizer.ggml.eot_token_id"]));
    }

    public static TheoryData<string, string, bool> PreTokenizers()
    {
        const string Tekken = @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
        const string Gpt4O = @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
        return new()
        {
            { "gpt-2", SplitByteLevel, false },
            { "gpt-2", Sequence(SplitByteLevel), false },
            { "smollm", Sequence("""{"type":"Digits","individual_digits":true}""", SplitByteLevel), false },
            { "llama-bpe", Sequence(Split(SplitPatterns.Llama3), ByteLevel), true },
            { "dbrx", Sequence(Split(SplitPatterns.Llama3, "Removed", invert: true), ByteLevel), false },
            { "qwen2", Sequence(Split(SplitPatterns.Qwen2), ByteLevel), false },
            { "tekken", Sequence(Split(Tekken), ByteLevel), true },
            { "gpt-4o", Sequence(Split(Gpt4O), ByteLevel), false },
        };
    }

    [Theory]
    [MemberData(nameof(PreTokenizers))]
    public void Describe_ByteLevel_FindsThePreTokenizer(string expected, string preTokenizer, bool ignoreMerges)
    {
        var json = Trained();
        json["pre_tokenizer"] = JsonNode.Parse(preTokenizer);
        json["model"]!["ignore_merges"] = ignoreMerges;
        var (metadata, report) = Export(json);
        Assert.Equal(expected, metadata["tokenizer.ggml.pre"]);
        Assert.Empty(report.Notes);
    }

    [Fact]
    public void Describe_ByteLevel_GivesTokensMergesAndTypes()
    {
        var (metadata, _) = Export(Trained(), """{"eos_token":"<|endoftext|>","pad_token":"<pad>"}""");
        Assert.Equal("gpt2", metadata["tokenizer.ggml.model"]);
        var tokens = (string[])metadata["tokenizer.ggml.tokens"];
        var merges = (string[])metadata["tokenizer.ggml.merges"];
        Assert.Equal(16, merges.Length); // All that the three sentences have pairs for.
        Assert.Equal(["a t", "h e", "t he"], merges[..3]); // at 7 times, he 4 times, then the.
        Assert.Equal(["<|endoftext|>", "<pad>", "!"], tokens[..3]);
        Assert.Equal("[PAD287]", tokens[^1]);
        Assert.Equal([3, 3, 1], ((int[])metadata["tokenizer.ggml.token_type"])[..3]);
        Assert.Equal((0u, 1u), ((uint)metadata["tokenizer.ggml.eos_token_id"], (uint)metadata["tokenizer.ggml.padding_token_id"]));
        Assert.False((bool)metadata["tokenizer.ggml.add_bos_token"]);
        Assert.DoesNotContain("tokenizer.ggml.bos_token_id", metadata.Keys);
        Assert.DoesNotContain("tokenizer.chat_template", metadata.Keys);
    }

    [Fact]
    public void Describe_AddedTokenThatIsNotSpecial_IsUserDefined()
    {
        var json = Trained();
        json["added_tokens"]!.AsArray().Add(new JsonObject { ["id"] = 283, ["content"] = "<think>", ["special"] = false });
        var (metadata, _) = Export(json);
        Assert.Equal(("<think>", 4), (((string[])metadata["tokenizer.ggml.tokens"])[283], ((int[])metadata["tokenizer.ggml.token_type"])[283]));
    }

    [Fact]
    public void Describe_ChatTemplates_AreWritten()
    {
        Assert.Equal("{{ x }}", Export(Trained(), """{"chat_template":"{{ x }}"}""").Metadata["tokenizer.chat_template"]);
        var several = Export(Trained(), """{"chat_template":[{"name":"default","template":"{{ a }}"},{"name":"tool_use","template":"{{ b }}"}]}""").Metadata;
        Assert.Equal(("{{ a }}", "{{ b }}"), ((string)several["tokenizer.chat_template"], (string)several["tokenizer.chat_template.tool_use"]));
        Assert.Equal(["tool_use"], (string[])several["tokenizer.chat_templates"]);
        Assert.Equal("{{ file }}", Export(Trained(), """{"chat_template":"{{ x }}"}""", "{{ file }}").Metadata["tokenizer.chat_template"]);
    }

    [Theory]
    [InlineData("""{"type":"NFC"}""", "does not bring texts into the form NFC")]
    [InlineData("""{"type":"Sequence","normalizers":[{"type":"NFC"}]}""", "does not bring texts into the form NFC")]
    public void Describe_Normalizer_IsNoted(string normalizer, string expected)
    {
        var json = Trained();
        json["normalizer"] = JsonNode.Parse(normalizer);
        Assert.Contains(expected, Assert.Single(Export(json).Report.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void Describe_OtherDifferences_AreNoted()
    {
        var json = Trained();
        json["model"]!["ignore_merges"] = true;
        Assert.Contains("ignore_merges is true", Assert.Single(Export(json).Report.Notes), StringComparison.Ordinal);
        var metaspace = SentencePiece();
        metaspace["normalizer"] = null;
        metaspace["pre_tokenizer"] = JsonNode.Parse("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":false}""");
        Assert.Contains(Export(metaspace).Report.Notes, note => note.Contains("before every piece of text that follows a special token", StringComparison.Ordinal));
        metaspace["pre_tokenizer"]!["prepend_scheme"] = "never";
        Assert.False((bool)Export(metaspace).Metadata["tokenizer.ggml.add_space_prefix"]);
    }

    [Theory]
    [InlineData("unigram", "the tokenizer's model is Unigram")]
    [InlineData("suffix", "the tokenizer's model is BPE with affixes")]
    [InlineData("lowercase", "normalizer {\"type\":\"Lowercase\"} has no counterpart in llama.cpp's byte-level BPE")]
    [InlineData("prefix space", "ByteLevel with add_prefix_space] is none of those that llama.cpp has: gpt-2, smollm")]
    [InlineData("whitespace", "is none of those that llama.cpp has")]
    [InlineData("sentencepiece normalizer", "has no counterpart in llama.cpp's tokenizer with byte fallback")]
    [InlineData("sentencepiece split", "pre_tokenizer {\"type\":\"Metaspace\"")]
    [InlineData("sentencepiece without spaces", "does not write spaces as ▁")]
    [InlineData("sentencepiece without a byte", "lacks some of <0x00> … <0xFF>")]
    public void Describe_WithoutCounterpart_IsRefused(string what, string expected)
    {
        var json = what.StartsWith("sentencepiece", StringComparison.Ordinal) ? SentencePiece() : Trained();
        switch (what)
        {
            case "unigram":
                json["model"] = JsonNode.Parse("""{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["a",-1]]}""");
                json["added_tokens"] = new JsonArray();
                break;
            case "suffix":
                json["model"] = JsonNode.Parse("""{"type":"BPE","end_of_word_suffix":"</w>","vocab":{"a</w>":2},"merges":[]}""");
                break;
            case "lowercase":
                json["normalizer"] = JsonNode.Parse("""{"type":"Lowercase"}""");
                break;
            case "prefix space":
                json["pre_tokenizer"]!["add_prefix_space"] = true;
                break;
            case "whitespace":
                json["pre_tokenizer"] = JsonNode.Parse("""{"type":"Whitespace"}""");
                break;
            case "sentencepiece normalizer":
                json["normalizer"]!["normalizers"]!.AsArray().Add(JsonNode.Parse("""{"type":"NFKC"}"""));
                break;
            case "sentencepiece split":
                json["pre_tokenizer"] = JsonNode.Parse("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}""");
                break;
            case "sentencepiece without spaces":
                json["normalizer"] = null;
                break;
            default:
                json["model"]!["vocab"]!.AsObject().Remove("<0x41>");
                break;
        }

        Assert.Contains(expected, Assert.Throws<CheckpointException>(() => Export(json)).Message, StringComparison.Ordinal);
    }

    private static string Sequence(params string[] steps) => $$"""{"type":"Sequence","pretokenizers":[{{string.Join(',', steps)}}]}""";

    private static string Split(string pattern, string behavior = "Isolated", bool invert = false) => new JsonObject
    {
        ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = pattern }, ["behavior"] = behavior, ["invert"] = invert,
    }.ToJsonString();

    private static JsonObject Trained() => JsonNode.Parse(GgufModels.Tokenizer().Files.Tokenizer)!.AsObject();

    private static (IReadOnlyDictionary<string, object> Metadata, GgufExportReport Report) Export(JsonObject tokenizer, string config = "{}", string? template = null)
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("tokenizer.json"), tokenizer.ToJsonString());
        File.WriteAllText(directory.File("tokenizer_config.json"), config);
        if (template is not null)
        {
            File.WriteAllText(directory.File("chat_template.jinja"), template);
        }

        using var model = GgufModels.Random(GgufModels.Configs["llama"]);
        var report = GgufExport.Write(model, Tokenizer.Load(directory.Path), directory.File("m.gguf"), GgufType.F16);
        using var file = GgufFile.Open(directory.File("m.gguf"));
        return (file.Metadata, report);
    }
}
