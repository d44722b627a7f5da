using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Tokenization.PreTokenizers;
using Rlhf.Numerics;

namespace Rlhf.Modeling.Tests.Tokenization;

/// <summary>What must hold for every text and every file.</summary>
public sealed class TokenizerPropertyTests
{
    private static readonly string[] Fragments =
    [
        " ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2028", "a", "the", "Cat", "'s", "'LL", "12345", "٣", "\U0001D7D8", "é", "e\u0301", "你好", "가",
        "👍🏽", "👩‍👩‍👧", "\U00010400", "!?", "...", "\0", "\u0007", "\ufffd", "\u200d", "\U0010FFFF", "\ue000", "<|endoftext|>", "<pad>", "<|", "▁", "Ġ",
    ];

    [Fact]
    public void Decode_OfEncode_IsTheTextForEverySplitPattern()
    {
        foreach (var pattern in (string[])[SplitPatterns.Gpt2, SplitPatterns.Llama3, SplitPatterns.Qwen2, @"\p{Lu}?\p{Ll}+|\S|\s+"])
        {
            var tokenizer = WithPattern(pattern);
            var random = new Philox(23);
            for (var trial = 0; trial < 300; trial++)
            {
                var text = RandomText(random);
                var ids = tokenizer.Encode(text);
                Assert.Equal(text, tokenizer.Decode(ids, skipSpecialTokens: false));
                var stream = tokenizer.CreateStreamingDecoder(skipSpecialTokens: false);
                Assert.Equal(text, string.Concat(ids.Select(stream.Append)) + stream.Flush());
                Assert.Equal(ids, tokenizer.EncodeWithRanges(text).Ids);
            }
        }
    }

    [Fact]
    public void Scanners_RandomTexts_SplitAsTheirPatternsDo()
    {
        var random = new Philox(29);
        foreach (var pattern in (string[])[SplitPatterns.Gpt2, SplitPatterns.Llama3, SplitPatterns.Qwen2])
        {
            var scanner = SplitPatterns.Find(pattern)!;

            // (?:) matches nothing, and makes the pattern an unknown one.
            using var config = JsonDocument.Parse($$"""{"type":"Split","pattern":{"Regex":{{JsonSerializer.Serialize("(?:)(?:" + pattern + ")")}}},"behavior":"Isolated","invert":false}""");
            var regex = PreTokenizer.Parse(config.RootElement, bytes: false);
            for (var trial = 0; trial < 500; trial++)
            {
                var text = RandomText(random);
                var ends = new List<int>();
                for (var start = 0; start < text.Length; start = ends[^1])
                {
                    ends.Add(scanner(text, start));
                }

                Assert.Equal(regex.Apply(new AlignedText(text, 0, tracks: false)).Pieces.Select(piece => piece.End), ends);
            }
        }
    }

    [Fact]
    public void Encode_RangesOfTokens_CoverTheTextInOrder()
    {
        var tokenizer = WithPattern(SplitPatterns.Qwen2);
        var random = new Philox(31);
        for (var trial = 0; trial < 200; trial++)
        {
            var text = RandomText(random);
            var last = 0;
            var covered = 0;
            foreach (var (start, end) in tokenizer.EncodeWithRanges(text).Ranges)
            {
                Assert.True(last <= start && start <= covered && covered <= end && end <= text.Length, text);
                (last, covered) = (start, end);
            }

            Assert.Equal(text.Length, covered);
        }
    }

    [Theory]
    [InlineData("a")]
    [InlineData(" ")]
    [InlineData("\n")]
    [InlineData("7")]
    [InlineData("thecatmat")]
    [InlineData("\u0301")]
    [InlineData("'")]
    [InlineData("👍")]
    [InlineData(" \n")]
    public void Encode_AMillionCharactersOfOneKind_TimeGrowsWithTheLength(string unit)
    {
        foreach (var pattern in (string[])[SplitPatterns.Gpt2, SplitPatterns.Llama3])
        {
            var tokenizer = WithPattern(pattern);
            var text = string.Concat(Enumerable.Repeat(unit, 1_000_000 / unit.Length));

            // Seconds even on a busy machine; a quadratic loop over a million units would take an hour.
            var watch = Stopwatch.StartNew();
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), $"{watch.Elapsed}");
        }
    }

    [Fact]
    public void EncodeBatch_ManyTexts_AsOneByOne()
    {
        var tokenizer = TinyModels.Tokenizer();
        var random = new Philox(37);
        var texts = Enumerable.Range(0, 200).Select(_ => RandomText(random)).ToArray();
        Assert.Equal(texts.Select(text => tokenizer.Encode(text)), tokenizer.EncodeBatch(texts));
    }

    [Fact]
    public void Encode_HalfACharacter_IsReplaced() =>
        Assert.Equal(TinyModels.Tokenizer().Encode("a\uFFFDb\uFFFD"), TinyModels.Tokenizer().Encode("a\uD800b\uDC00"));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Load_DamagedFiles_OnlyInvalidDataIsThrown(int seed)
    {
        using var stream = typeof(ComponentTests).Assembly.GetManifestResourceStream("components.json")!;
        using var reference = JsonDocument.Parse(stream);
        using var directory = new TemporaryDirectory();
        var random = new Philox((ulong)seed);
        foreach (var entry in reference.RootElement.GetProperty("tokenizers").EnumerateObject())
        {
            var valid = Encoding.UTF8.GetBytes(entry.Value.GetProperty("config").GetRawText());
            for (var trial = 0; trial < 150; trial++)
            {
                File.WriteAllBytes(directory.File("tokenizer.json"), Damaged(valid, random));
                try
                {
                    var tokenizer = Tokenizer.Load(directory.Path);
                    var ids = tokenizer.Encode("Hello [MASK] wörld 你好 1234");
                    tokenizer.Decode(ids);
                }
                catch (InvalidDataException)
                {
                    // The documented answer to a bad file.
                }
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"model\":")]
    [InlineData("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"\\ud800\":0},\"merges\":[]}}")]
    public void Load_NotATokenizer_NamesTheFile(string content)
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("tokenizer.json"), content);
        Assert.Contains("tokenizer.json", Assert.Throws<InvalidDataException>(() => Tokenizer.Load(directory.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_ConfigThatIsNoJson_NamesTheConfig()
    {
        using var directory = new TemporaryDirectory();
        TinyModels.Tokenizer().Save(directory.Path);
        File.WriteAllText(directory.File("tokenizer_config.json"), "{");
        Assert.Contains("tokenizer_config.json", Assert.Throws<InvalidDataException>(() => Tokenizer.Load(directory.Path)).Message, StringComparison.Ordinal);
    }

    internal static Tokenizer WithPattern(string pattern)
    {
        using var directory = new TemporaryDirectory();
        TinyModels.Tokenizer().Save(directory.Path);
        var json = JsonNode.Parse(File.ReadAllText(directory.File("tokenizer.json")))!;
        json["pre_tokenizer"] = JsonNode.Parse($$"""
            {"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":{{JsonSerializer.Serialize(pattern)}}},"behavior":"Isolated","invert":false},
              {"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}]}
            """);
        File.WriteAllText(directory.File("tokenizer.json"), json.ToJsonString());
        return Tokenizer.Load(directory.Path);
    }

    private static string RandomText(Philox random)
    {
        var text = new StringBuilder();
        for (var count = random.Next(16); count > 0; count--)
        {
            var value = random.Next(0x110000);
            text.Append(random.Chance(0.1) && Rune.IsValid(value) ? new Rune(value).ToString() : random.Choose(Fragments));
        }

        return text.ToString();
    }

    /// <summary>A file with a few bytes changed, cut out, doubled, or its end missing.</summary>
    private static byte[] Damaged(byte[] valid, Philox random)
    {
        var bytes = new List<byte>(valid);
        for (var count = 1 + random.Next(4); count > 0; count--)
        {
            var at = random.Next(bytes.Count);
            var length = Math.Min(random.Next(20), bytes.Count - at);
            switch (random.Next(5))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] = random.Choose((byte[])[.. "\"{}[],:0129-\\"u8]);
                    break;
                case 2:
                    bytes.RemoveRange(at, Math.Min(length, bytes.Count - 1));
                    break;
                case 3:
                    bytes.InsertRange(at, bytes.GetRange(at, length));
                    break;
                default:
                    if (random.Chance(0.1))
                    {
                        bytes.RemoveRange(at + 1, bytes.Count - at - 1);
                    }

                    break;
            }
        }

        return [.. bytes];
    }
}
