namespace Rlhf.Modeling.Tokenization.PreTokenizers;

/// <summary>The pattern <see cref="SplitPatterns.Gpt2"/> as a scanner.</summary>
internal static class Gpt2Splitter
{
    /// <inheritdoc cref="PreTokenizers.WordEnd"/>
    public static int WordEnd(ReadOnlySpan<char> text, int start)
    {
        if (text[start] == '\'' && ContractionLength(text[(start + 1)..]) is var contraction and > 0)
        {
            return start + 1 + contraction;
        }

        // The optional space belongs to the word only when something other than white space follows it.
        var first = start;
        var kind = CharacterKinds.At(text, first, out var width);
        if (text[start] == ' ' && start + 1 < text.Length && CharacterKinds.At(text, start + 1, out var nextWidth) is var next and not CharacterKind.Space)
        {
            (first, kind, width) = (start + 1, next, nextWidth);
        }

        var end = CharacterKinds.RunEnd(text, first + width, kind);

        // \s+(?!\S): before a word, white space leaves its last character to that word – unless it is the only one.
        return kind == CharacterKind.Space && end < text.Length && end - 1 > start ? end - 1 : end;
    }

    private static int ContractionLength(ReadOnlySpan<char> rest) => rest switch
    {
        ['s' or 't' or 'm' or 'd', ..] => 1,
        ['r' or 'v', 'e', ..] or ['l', 'l', ..] => 2,
        _ => 0,
    };
}
