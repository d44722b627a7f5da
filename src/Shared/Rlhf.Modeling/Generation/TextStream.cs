using System.Text;
using Rlhf.Modeling.Tokenization;

namespace Rlhf.Modeling.Generation;

/// <summary>
/// The text of one sequence as it grows. Hands out whole characters, keeps back what may become a stop string, and ends before the first
/// stop string.
/// </summary>
internal sealed class TextStream
{
    private readonly Tokenizer _tokenizer;
    private readonly StreamingDecoder _decoder;
    private readonly IReadOnlyList<string> _stopStrings;
    private readonly int _longestStop;
    private readonly StringBuilder _text = new();
    private int _released;

    /// <summary>A text that follows a prompt: an unfinished character or a leading space of it is accounted for.</summary>
    public TextStream(Tokenizer tokenizer, ReadOnlySpan<int> promptIds, IReadOnlyList<string> stopStrings)
    {
        _tokenizer = tokenizer;
        _decoder = tokenizer.CreateStreamingDecoder();
        _stopStrings = stopStrings;
        _longestStop = stopStrings.Count == 0 ? 0 : stopStrings.Max(stop => stop.Length);
        foreach (var id in promptIds)
        {
            Decode(id);
        }
    }

    /// <summary>Everything so far, up to a stop string.</summary>
    public string Text => _text.ToString();

    /// <summary>A stop string was found.</summary>
    public bool Stopped { get; private set; }

    /// <summary>Takes the next token.</summary>
    /// <param name="id">Any id of the model; one that the tokenizer does not know has no text.</param>
    /// <param name="mayStop">Whether a stop string that this token completes ends the text.</param>
    /// <returns>The text that is certain now.</returns>
    public string Append(int id, bool mayStop)
    {
        var added = Decode(id);
        if (added.Length == 0)
        {
            return "";
        }

        // A stop string that ended before this piece would have been found then.
        var from = Math.Max(0, _text.Length - Math.Max(0, _longestStop - 1));
        var known = _text.Length - from;
        _text.Append(added);
        if (_longestStop == 0)
        {
            return Release(_text.Length);
        }

        var window = _text.ToString(from, _text.Length - from);
        if (mayStop && FirstStop(window, known) is { } start)
        {
            _text.Length = from + start;
            Stopped = true;
            return Release(_text.Length);
        }

        return Release(_text.Length - PossibleBeginning(window));
    }

    /// <summary>Ends the text: what was kept back comes out, an unfinished character as U+FFFD.</summary>
    public string Flush()
    {
        _text.Append(Stopped ? "" : _decoder.Flush());
        return Release(_text.Length);
    }

    // Models often have a few more ids than their tokenizer, so that matrices have a round size.
    private string Decode(int id) => id < _tokenizer.VocabSize ? _decoder.Append(id) : "";

    private int? FirstStop(string window, int known)
    {
        int? first = null;
        foreach (var stop in _stopStrings)
        {
            var start = window.IndexOf(stop, Math.Max(0, known - stop.Length + 1), StringComparison.Ordinal);
            first = start >= 0 && !(first <= start) ? start : first;
        }

        return first;
    }

    private int PossibleBeginning(string window)
    {
        for (var length = Math.Min(window.Length, _longestStop - 1); length > 0; length--)
        {
            var end = window.AsSpan(window.Length - length);
            foreach (var stop in _stopStrings)
            {
                if (stop.Length > length && stop.AsSpan().StartsWith(end, StringComparison.Ordinal))
                {
                    return length;
                }
            }
        }

        return 0;
    }

    private string Release(int until)
    {
        if (until <= _released)
        {
            return "";
        }

        var piece = _text.ToString(_released, until - _released);
        _released = until;
        return piece;
    }
}
