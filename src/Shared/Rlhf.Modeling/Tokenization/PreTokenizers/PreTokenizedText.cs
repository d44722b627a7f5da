namespace Rlhf.Modeling.Tokenization.PreTokenizers;

/// <summary>A text and the pieces it is split into so far, in order.</summary>
internal sealed class PreTokenizedText(AlignedText text)
{
    public AlignedText Text { get; private set; } = text;

    public List<(int Start, int End)> Pieces { get; private set; } = text.Text.Length > 0 ? [(0, text.Text.Length)] : [];

    /// <summary>Splits every piece; the function appends the ranges of the new pieces within the old one.</summary>
    public void Split(PieceSplitter split)
    {
        var pieces = new List<(int Start, int End)>(Pieces.Count);
        var inside = new List<(int Start, int End)>();
        foreach (var (start, end) in Pieces)
        {
            inside.Clear();
            split(Text.Text.AsSpan(start, end - start), inside);
            foreach (var part in inside)
            {
                if (part.End > part.Start)
                {
                    pieces.Add((start + part.Start, start + part.End));
                }
            }
        }

        Pieces = pieces;
    }

    /// <summary>Changes the text of every piece.</summary>
    public void Change(Func<AlignedText, AlignedText> change)
    {
        var changed = Pieces.ConvertAll(piece => change(Text.Slice(piece.Start..piece.End)));
        Text = AlignedText.Join(changed, Text);
        var start = 0;
        Pieces = changed.ConvertAll(piece => (start, start += piece.Text.Length));
    }
}

/// <summary>Splits a text into ranges.</summary>
internal delegate void PieceSplitter(ReadOnlySpan<char> text, List<(int Start, int End)> parts);
