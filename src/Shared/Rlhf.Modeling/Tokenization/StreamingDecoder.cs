using System.Text;

namespace Rlhf.Modeling.Tokenization;

/// <summary>
/// Decodes token by token and hands out whole characters only: bytes of an unfinished character wait for the token that
/// completes it. For ids that decode to valid UTF-8, the parts and <see cref="Flush"/> joined equal <see cref="Tokenizer.Decode"/>.
/// </summary>
public sealed class StreamingDecoder
{
    private readonly Tokenizer _tokenizer;
    private readonly bool _skipSpecialTokens;
    private readonly Decoder _utf8 = Encoding.UTF8.GetDecoder();
    private int _stripLeft;

    internal StreamingDecoder(Tokenizer tokenizer, bool skipSpecialTokens)
    {
        _tokenizer = tokenizer;
        _skipSpecialTokens = skipSpecialTokens;
        _stripLeft = tokenizer.TokenDecoder.StripCount;
    }

    /// <summary>Takes the next token and returns the text it completes; empty while a character is unfinished.</summary>
    /// <param name="id">A token id.</param>
    /// <exception cref="ArgumentOutOfRangeException">If the vocabulary has no such id.</exception>
    public string Append(int id)
    {
        if (_tokenizer.PieceOf(id, _skipSpecialTokens) is not { } piece)
        {
            return "";
        }

        return Strip(piece.Text is null ? Characters(piece.Bytes, flush: false) : Characters([], flush: true) + piece.Text);
    }

    /// <summary>Ends the text: an unfinished character comes out as U+FFFD. The decoder can then be used for another text.</summary>
    public string Flush()
    {
        var rest = Strip(Characters([], flush: true));
        _stripLeft = _tokenizer.TokenDecoder.StripCount;
        return rest;
    }

    private string Characters(byte[] bytes, bool flush)
    {
        var characters = new char[_utf8.GetCharCount(bytes, flush)];
        var count = _utf8.GetChars(bytes, characters, flush);
        return new string(characters, 0, count);
    }

    private string Strip(string text)
    {
        var start = 0;
        while (_stripLeft > 0 && start < text.Length)
        {
            if (text[start] != _tokenizer.TokenDecoder.StripCharacter)
            {
                _stripLeft = 0;
                break;
            }

            start++;
            _stripLeft--;
        }

        return text[start..];
    }
}
