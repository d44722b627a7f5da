using System.Globalization;
using System.Text;
using Rlhf.Modeling.Tokenization.Patterns;

namespace Rlhf.Modeling.Tokenization.Decoders;

/// <summary>One step of a decoder at work: takes the token texts of one sequence in order and passes on what is certain.</summary>
internal abstract class DecodingStage
{
    /// <summary>Who takes what comes out.</summary>
    public DecodingStage Next { protected get; set; } = null!;

    public abstract void Push(string token);

    /// <summary>The sequence is over: what waited goes out.</summary>
    public virtual void End() => Next.End();
}

/// <summary>The end of the chain.</summary>
internal sealed class OutputStage(StringBuilder output) : DecodingStage
{
    public override void Push(string token) => output.Append(token);

    public override void End()
    {
    }
}

/// <summary>A change of each token by itself; the function is told whether the token is the first.</summary>
internal sealed class MapStage(Func<string, bool, string> map) : DecodingStage
{
    private bool _later;

    public override void Push(string token)
    {
        Next.Push(map(token, !_later));
        _later = true;
    }
}

/// <summary>A change that is different for the last token, which therefore waits.</summary>
internal sealed class LastTokenStage(Func<string, bool, string> map) : DecodingStage
{
    private string? _waiting;

    public override void Push(string token)
    {
        if (_waiting is not null)
        {
            Next.Push(map(_waiting, false));
        }

        _waiting = token;
    }

    public override void End()
    {
        if (_waiting is not null)
        {
            Next.Push(map(_waiting, true));
        }

        base.End();
    }
}

/// <summary>Holds everything back until the end: for a step that must see the whole text at once.</summary>
internal sealed class WholeTextStage : DecodingStage
{
    private readonly StringBuilder _text = new();

    public override void Push(string token) => _text.Append(token);

    public override void End()
    {
        Next.Push(_text.ToString());
        base.End();
    }
}

/// <summary>GPT-2's alphabet back to bytes and the bytes to text; a character goes out when its last byte is there.</summary>
internal sealed class ByteLevelStage : DecodingStage
{
    private readonly Decoder _utf8 = Encoding.UTF8.GetDecoder();

    public override void Push(string token) => Pass(ByteLevelAlphabet.BytesOf(token), flush: false);

    public override void End()
    {
        Pass([], flush: true);
        base.End();
    }

    private void Pass(byte[] bytes, bool flush)
    {
        var characters = new char[_utf8.GetCharCount(bytes, flush)];
        var count = _utf8.GetChars(bytes, characters, flush);
        if (count > 0)
        {
            Next.Push(new string(characters, 0, count));
        }
    }
}

/// <summary>Tokens such as <c>&lt;0xE4&gt;</c> back to bytes. A run of them is judged as a whole: valid UTF-8, or one U+FFFD for each byte.</summary>
internal sealed class ByteFallbackStage : DecodingStage
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly List<byte> _run = [];

    public override void Push(string token)
    {
        if (token is ['<', '0', 'x', _, _, '>'] && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
        {
            _run.Add(value);
            return;
        }

        EndRun();
        Next.Push(token);
    }

    public override void End()
    {
        EndRun();
        base.End();
    }

    private void EndRun()
    {
        if (_run.Count == 0)
        {
            return;
        }

        try
        {
            Next.Push(Strict.GetString([.. _run]));
        }
        catch (DecoderFallbackException)
        {
            for (var i = 0; i < _run.Count; i++)
            {
                Next.Push("\uFFFD");
            }
        }

        _run.Clear();
    }
}

/// <summary>Removes a character from the start and the end of the whole text, at most so many times.</summary>
internal sealed class StripWholeStage(string content, int start, int stop) : DecodingStage
{
    private readonly StringBuilder _waiting = new();
    private int _left = start;

    public override void Push(string token)
    {
        var from = 0;
        while (_left > 0 && from < token.Length)
        {
            if (string.CompareOrdinal(token, from, content, 0, content.Length) != 0)
            {
                _left = 0;
                break;
            }

            from += content.Length;
            _left--;
        }

        // As much as could still be removed at the end waits.
        _waiting.Append(token, from, token.Length - from);
        var certain = _waiting.Length - (stop * content.Length);
        if (certain > 0 && certain < _waiting.Length && char.IsLowSurrogate(_waiting[certain]))
        {
            certain--;
        }

        if (certain > 0)
        {
            Next.Push(_waiting.ToString(0, certain));
            _waiting.Remove(0, certain);
        }
    }

    public override void End()
    {
        Next.Push(Strip(_waiting.ToString(), content, 0, stop));
        base.End();
    }

    /// <summary>Removes a character from both ends of a text.</summary>
    public static string Strip(string text, string content, int start, int stop)
    {
        for (; start > 0 && text.StartsWith(content, StringComparison.Ordinal); start--)
        {
            text = text[content.Length..];
        }

        for (; stop > 0 && text.EndsWith(content, StringComparison.Ordinal); stop--)
        {
            text = text[..^content.Length];
        }

        return text;
    }
}
