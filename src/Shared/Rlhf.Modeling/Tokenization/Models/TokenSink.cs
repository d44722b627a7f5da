namespace Rlhf.Modeling.Tokenization.Models;

/// <summary>Collects ids, and where wanted the range of the original text each stands for.</summary>
internal sealed class TokenSink(int capacity, bool ranges)
{
    private AlignedText? _text;
    private int _word;

    public List<int> Ids { get; } = new(capacity);

    /// <summary>Ranges in UTF-16 units, one for each id; null if not wanted.</summary>
    public List<(int Start, int End)>? Ranges { get; } = ranges ? new(capacity) : null;

    /// <summary>Says which word the next ids belong to.</summary>
    public void Begin(AlignedText text, int word) => (_text, _word) = (text, word);

    /// <summary>Adds an id for units of the current word.</summary>
    public void Add(int id, int start, int end)
    {
        Ids.Add(id);
        Ranges?.Add(_text!.OriginalRange(_word + start, _word + end));
    }

    /// <summary>Adds an id with its range in the original text.</summary>
    public void AddOriginal(int id, int start, int end)
    {
        Ids.Add(id);
        Ranges?.Add((start, end));
    }
}
