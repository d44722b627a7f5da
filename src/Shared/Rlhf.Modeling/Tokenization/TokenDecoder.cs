using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Rlhf.Modeling.Tokenization;

/// <summary>
/// The <c>decoder</c> of tokenizer.json: either ByteLevel, or the SentencePiece chain Replace → ByteFallback → Fuse → Strip
/// (each but Fuse optional, in this order).
/// </summary>
internal sealed class TokenDecoder
{
    private const char Replacement = '\uFFFD';
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly bool _byteLevel;
    private string? _pattern;
    private string _content = "";
    private bool _byteFallback;

    private TokenDecoder(bool byteLevel) => _byteLevel = byteLevel;

    /// <summary>What Strip removes from the start of the whole text, at most <see cref="StripCount"/> times.</summary>
    public char StripCharacter { get; private set; }

    /// <summary>How many characters Strip may remove; 0 without Strip.</summary>
    public int StripCount { get; private set; }

    public static TokenDecoder Parse(JsonElement element)
    {
        const string Supported = "ByteLevel, or a Sequence of Replace, ByteFallback, Fuse, Strip in this order";
        switch (TokenizerJson.TypeOf(element))
        {
            case "ByteLevel":
                return new TokenDecoder(byteLevel: true);
            case "Sequence":
                var decoder = new TokenDecoder(byteLevel: false);
                var last = -1;
                TokenizerJson.ForEach(element, "decoders", "decoder", (step, at) =>
                {
                    var type = TokenizerJson.TypeOf(step);
                    var order = Array.IndexOf(["Replace", "ByteFallback", "Fuse", "Strip"], type);
                    if (order <= last)
                    {
                        throw TokenizerJson.Unsupported(at, type, Supported);
                    }

                    last = order;
                    decoder.Add(step, type!, at);
                });
                return decoder;
            case var other:
                throw TokenizerJson.Unsupported("decoder", other ?? "null", Supported);
        }
    }

    /// <summary>What a token stands for: raw bytes, which may be part of a character, or whole text.</summary>
    public TokenPiece PieceOf(string token)
    {
        if (_byteLevel)
        {
            return new TokenPiece(ByteLevelAlphabet.ToBytes(token) ?? Encoding.UTF8.GetBytes(token), null);
        }

        var text = _pattern is null ? token : token.Replace(_pattern, _content, StringComparison.Ordinal);
        return _byteFallback
            && text is ['<', '0', 'x', _, _, '>']
            && byte.TryParse(text.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            ? new TokenPiece([value], null)
            : new TokenPiece([], text);
    }

    /// <summary>The text of a list of pieces; broken UTF-8 becomes U+FFFD as the reference library does it.</summary>
    public string Decode(IEnumerable<TokenPiece> pieces)
    {
        var bytes = new List<byte>();
        var text = new StringBuilder();
        foreach (var piece in pieces)
        {
            if (piece.Text is null)
            {
                bytes.AddRange(piece.Bytes);
            }
            else
            {
                FlushBytes();
                text.Append(piece.Text);
            }
        }

        FlushBytes();
        var strip = 0;
        while (strip < StripCount && strip < text.Length && text[strip] == StripCharacter)
        {
            strip++;
        }

        return text.ToString(strip, text.Length - strip);

        void FlushBytes()
        {
            if (bytes.Count == 0)
            {
                return;
            }

            var run = bytes.ToArray();
            bytes.Clear();
            if (_byteLevel)
            {
                text.Append(Encoding.UTF8.GetString(run));
                return;
            }

            // ByteFallback judges a run of byte tokens as a whole: valid UTF-8, or one U+FFFD for each byte.
            try
            {
                text.Append(Strict.GetString(run));
            }
            catch (DecoderFallbackException)
            {
                text.Append(Replacement, run.Length);
            }
        }
    }

    private void Add(JsonElement step, string type, string at)
    {
        switch (type)
        {
            case "Replace":
                (_pattern, _content) = TokenizerJson.Replacement(step, at);
                break;
            case "ByteFallback":
                _byteFallback = true;
                break;
            case "Strip":
                var content = TokenizerJson.Text(step, "content", at);
                if (content.Length != 1 || TokenizerJson.Integer(step, "stop", at) != 0)
                {
                    throw new InvalidDataException($"{at}: Strip is supported for one character at the start (content of length 1, stop 0)");
                }

                StripCharacter = content[0];
                StripCount = TokenizerJson.Integer(step, "start", at);
                break;
        }
    }
}

/// <summary>What one token stands for: <paramref name="Text"/>, or where that is null, <paramref name="Bytes"/>.</summary>
internal readonly record struct TokenPiece(byte[] Bytes, string? Text);
