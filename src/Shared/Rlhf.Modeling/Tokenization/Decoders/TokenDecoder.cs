using System.Text;
using System.Text.Json;
using Rlhf.Modeling.Tokenization.Patterns;

namespace Rlhf.Modeling.Tokenization.Decoders;

/// <summary>The <c>decoder</c> of tokenizer.json: turns the texts of tokens into one text. Without one they are joined by spaces.</summary>
internal sealed class TokenDecoder
{
    private const string Supported = "null, Sequence, ByteLevel, ByteFallback, Fuse, Strip, Replace, Metaspace, WordPiece, BPEDecoder";

    /// <summary>tokenizers, decoders/wordpiece.rs: how English punctuation and contractions lose the space before them.</summary>
    private static readonly (string From, string To)[] CleanUps =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
        (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ];

    private readonly List<Func<DecodingStage>> _stages = [];

    // Once the tokens are one text, later steps see it as a single token.
    private bool _fused;

    private TokenDecoder()
    {
    }

    /// <summary>Whether the decoder is ByteLevel and nothing else: tokens are then bytes that need no chain.</summary>
    public bool IsByteLevel { get; private set; }

    public static TokenDecoder Parse(JsonElement element)
    {
        var decoder = new TokenDecoder();
        if (TokenizerJson.TypeOf(element) is null)
        {
            decoder._stages.Add(() => new MapStage((token, first) => first ? token : " " + token));
        }
        else
        {
            decoder.Add(element, "decoder");
            decoder.IsByteLevel = TokenizerJson.TypeOf(element) == "ByteLevel";
        }

        return decoder;
    }

    /// <summary>A chain for one sequence, which writes to a buffer.</summary>
    public DecodingStage Start(StringBuilder output)
    {
        DecodingStage next = new OutputStage(output);
        for (var i = _stages.Count - 1; i >= 0; i--)
        {
            var stage = _stages[i]();
            stage.Next = next;
            next = stage;
        }

        return next;
    }

    private void Add(JsonElement element, string at)
    {
        switch (TokenizerJson.TypeOf(element))
        {
            case "Sequence":
                TokenizerJson.ForEach(element, "decoders", at, Add);
                break;
            case "ByteLevel":
                Stage(() => new ByteLevelStage());
                _fused = true;
                break;
            case "ByteFallback":
                Stage(() => new ByteFallbackStage());
                break;
            case "Fuse":
                _fused = true;
                break;
            case "Strip":
                var content = TokenizerJson.Text(element, "content", at);
                var (start, stop) = (TokenizerJson.Integer(element, "start", at), TokenizerJson.Integer(element, "stop", at));
                if (content.Length == 0 || start < 0 || stop < 0 || stop > 1 << 16)
                {
                    throw new InvalidDataException($"{at}: content must be a character, start and stop counts from 0");
                }

                _stages.Add(_fused
                    ? () => new StripWholeStage(content, start, stop)
                    : () => new MapStage((token, _) => StripWholeStage.Strip(token, content, start, stop)));
                break;
            case "Replace":
                var pattern = TextPattern.Parse(TokenizerJson.Child(element, "pattern"), $"{at}.pattern");
                var replacement = TokenizerJson.Text(element, "content", at);
                Stage(() => new MapStage((token, _) => Replace(token, pattern, replacement)));
                break;
            case "Metaspace":
                var space = TokenizerJson.Text(element, "replacement", at);
                var prepends = TokenizerJson.PrependScheme(element, at) != "never";
                Stage(() => new MapStage((token, first) => token.Replace(space, first && prepends ? "" : " ", StringComparison.Ordinal)));
                break;
            case "WordPiece":
                var prefix = TokenizerJson.Text(element, "prefix", at);
                var cleanUp = TokenizerJson.Flag(element, "cleanup", absent: true);
                Stage(() => new MapStage((token, first) => WordPiece(token, first, prefix, cleanUp)));
                break;
            case "BPEDecoder":
                var suffix = TokenizerJson.Text(element, "suffix", at);
                if (suffix.Length == 0)
                {
                    throw new InvalidDataException($"{at}.suffix must not be empty");
                }

                Stage(() => new LastTokenStage((token, last) => token.Replace(suffix, last ? "" : " ", StringComparison.Ordinal)));
                break;
            case var other:
                throw TokenizerJson.Unsupported(at, other ?? "null", Supported);
        }
    }

    private void Stage(Func<DecodingStage> stage)
    {
        if (_fused)
        {
            _stages.Add(() => new WholeTextStage());
        }

        _stages.Add(stage);
    }

    private static string Replace(string token, TextPattern pattern, string content)
    {
        var result = new StringBuilder();
        var copied = 0;
        foreach (var (start, end) in pattern.Matches(token))
        {
            result.Append(token, copied, start - copied).Append(content);
            copied = end;
        }

        return copied == 0 ? token : result.Append(token, copied, token.Length - copied).ToString();
    }

    private static string WordPiece(string token, bool first, string prefix, bool cleanUp)
    {
        if (!first)
        {
            token = token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..] : " " + token;
        }

        foreach (var (from, to) in cleanUp ? CleanUps : [])
        {
            token = token.Replace(from, to, StringComparison.Ordinal);
        }

        return token;
    }
}
