using System.Text;

namespace Rlhf.Modeling.Tokenization;

/// <summary>
/// A text on its way through normalization and splitting. Where ranges are wanted it knows for each of its UTF-16 units which
/// units of the original text it stands for.
/// </summary>
internal sealed class AlignedText
{
    private readonly int _origin;
    private readonly int[]? _starts;
    private readonly int[]? _ends;

    /// <summary>A part of the original text that begins at unit <paramref name="origin"/> there.</summary>
    public AlignedText(string text, int origin, bool tracks)
    {
        Text = text;
        Tracks = tracks;
        _origin = origin;
    }

    internal AlignedText(string text, int[]? starts, int[]? ends, bool tracks, int origin)
    {
        Text = text;
        Tracks = tracks;
        (_starts, _ends, _origin) = (starts, ends, origin);
    }

    public string Text { get; }

    /// <summary>Whether ranges are wanted; without, only the text counts.</summary>
    public bool Tracks { get; }

    /// <summary>Where the text begins in the original.</summary>
    public int Origin => _origin;

    /// <summary>The original range of the units from <paramref name="start"/> to before <paramref name="end"/>.</summary>
    public (int Start, int End) OriginalRange(int start, int end) => _starts is null
        ? (_origin + start, _origin + end)
        : start < end ? (_starts[start], _ends![end - 1]) : (Start(start), Start(start));

    public AlignedText Slice(Range range)
    {
        var (start, length) = range.GetOffsetAndLength(Text.Length);
        return length == Text.Length
            ? this
            : new(Text.Substring(start, length), _starts?[start..(start + length)], _ends?[start..(start + length)], Tracks, Start(start));
    }

    /// <summary>Parts of a text, each changed, as one text again.</summary>
    public static AlignedText Join(List<AlignedText> parts, AlignedText source)
    {
        var text = string.Concat(parts.Select(part => part.Text));
        return source.Tracks
            ? new(
                text,
                [.. parts.SelectMany(part => Enumerable.Range(0, part.Text.Length).Select(part.Start))],
                [.. parts.SelectMany(part => Enumerable.Range(0, part.Text.Length).Select(part.End))],
                tracks: true,
                source.Origin)
            : new(text, null, null, tracks: false, source.Origin);
    }

    internal int Start(int index) => _starts is null ? _origin + index
        : index < _starts.Length ? _starts[index]
        : _ends!.Length > 0 ? _ends[^1] : _origin;

    internal int End(int index) => _ends is null ? _origin + index + 1 : _ends[index];
}

/// <summary>Builds a changed <see cref="AlignedText"/> from front to back.</summary>
internal sealed class AlignedTextBuilder(AlignedText source)
{
    private readonly StringBuilder _text = new(source.Text.Length + 16);
    private readonly List<int>? _starts = source.Tracks ? [] : null;
    private readonly List<int>? _ends = source.Tracks ? [] : null;

    /// <summary>The number of units so far.</summary>
    public int Length => _text.Length;

    /// <summary>Takes units of the source as they are.</summary>
    public void Copy(int start, int length)
    {
        _text.Append(source.Text, start, length);
        for (var i = start; _starts is not null && i < start + length; i++)
        {
            _starts.Add(source.Start(i));
            _ends!.Add(source.End(i));
        }
    }

    /// <summary>Puts a text in place of units of the source; a length of 0 inserts.</summary>
    public void Replace(ReadOnlySpan<char> text, int start, int length)
    {
        _text.Append(text);
        if (_starts is not null)
        {
            var (from, to) = source.OriginalRange(start, start + length);
            for (var i = 0; i < text.Length; i++)
            {
                _starts.Add(from);
                _ends!.Add(to);
            }
        }
    }

    public AlignedText Build() => new(_text.ToString(), _starts?.ToArray(), _ends?.ToArray(), source.Tracks, source.Origin);
}
