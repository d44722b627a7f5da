using System.Text;

namespace Rlhf.Datasets.Files;

/// <summary>A file character by character, with the number of the line and in bounded memory however long its lines are.</summary>
internal sealed class CharacterSource(TextReader reader)
{
    /// <summary>Characters of the longest row that is read.</summary>
    public const int MaximumRow = 1 << 22;

    private readonly char[] _buffer = new char[1 << 14];
    private int _at;
    private int _count;

    /// <summary>The line of the next character, from 1.</summary>
    public int Line { get; private set; } = 1;

    /// <summary>The next character without taking it; −1 at the end.</summary>
    public int Peek()
    {
        if (_at == _count)
        {
            (_at, _count) = (0, reader.Read(_buffer));
        }

        return _count == 0 ? -1 : _buffer[_at];
    }

    /// <summary>Takes the next character; −1 at the end.</summary>
    public int Read()
    {
        var next = Peek();
        if (next >= 0)
        {
            _at++;
            Line += next == '\n' ? 1 : 0;
        }

        return next;
    }

    public void SkipWhitespace()
    {
        while (Peek() is var next and >= 0 && char.IsWhiteSpace((char)next))
        {
            Read();
        }
    }

    /// <summary>The rest of the line without its end, or null if it is longer than <see cref="MaximumRow"/>; the line is taken either way.</summary>
    public string? ReadLine()
    {
        var text = new StringBuilder();
        var length = 0L;
        while (Read() is var next and >= 0 and not '\n')
        {
            if (++length <= MaximumRow)
            {
                text.Append((char)next);
            }
        }

        if (text.Length > 0 && text[^1] == '\r')
        {
            text.Length--;
        }

        return length > MaximumRow ? null : text.ToString();
    }
}
