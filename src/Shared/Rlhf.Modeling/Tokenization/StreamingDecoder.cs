using System.Text;
using Rlhf.Modeling.Tokenization.Decoders;

namespace Rlhf.Modeling.Tokenization;

/// <summary>
/// Decodes token by token and hands out whole characters only: what later tokens may still change waits for them (bytes of an unfinished
/// character; with byte fallback a run of byte tokens, which is judged as a whole). The parts and <see cref="Flush"/> joined equal
/// <see cref="Tokenizer.Decode"/>.
/// </summary>
public sealed class StreamingDecoder
{
    private readonly Tokenizer _tokenizer;
    private readonly bool _skipSpecialTokens;
    private readonly StringBuilder _output = new();
    private DecodingStage _decoding;

    internal StreamingDecoder(Tokenizer tokenizer, bool skipSpecialTokens)
    {
        _tokenizer = tokenizer;
        _skipSpecialTokens = skipSpecialTokens;
        _decoding = tokenizer.TokenDecoder.Start(_output);
    }

    /// <summary>Takes the next token and returns the text it completes; empty while a character is unfinished.</summary>
    /// <param name="id">A token id.</param>
    /// <exception cref="ArgumentOutOfRangeException">If the vocabulary has no such id.</exception>
    public string Append(int id)
    {
        if (_tokenizer.TextOf(id, _skipSpecialTokens) is { } token)
        {
            _decoding.Push(token);
        }

        return TakeOutput();
    }

    /// <summary>Ends the text: an unfinished character comes out as U+FFFD. The decoder can then be used for another text.</summary>
    public string Flush()
    {
        _decoding.End();
        _decoding = _tokenizer.TokenDecoder.Start(_output);
        return TakeOutput();
    }

    private string TakeOutput()
    {
        if (_output.Length == 0)
        {
            return "";
        }

        var text = _output.ToString();
        _output.Clear();
        return text;
    }
}
