namespace Rlhf.Modeling.Tokenization.PreTokenizers;

/// <summary>The patterns <see cref="SplitPatterns.Llama3"/> and <see cref="SplitPatterns.Qwen2"/> as scanners.</summary>
internal static class Llama3Splitter
{
    /// <inheritdoc cref="PreTokenizers.WordEnd"/>
    public static int WordEnd(ReadOnlySpan<char> text, int start) => WordEnd(text, start, maxDigits: 3);

    /// <inheritdoc cref="PreTokenizers.WordEnd"/>
    public static int WordEndWithSingleDigits(ReadOnlySpan<char> text, int start) => WordEnd(text, start, maxDigits: 1);

    private static int WordEnd(ReadOnlySpan<char> text, int start, int maxDigits)
    {
        var unit = text[start];
        if (unit == '\'' && ContractionLength(text[(start + 1)..]) is var contraction and > 0)
        {
            return start + 1 + contraction;
        }

        var kind = CharacterKinds.At(text, start, out var width);
        if (kind == CharacterKind.Letter)
        {
            return CharacterKinds.RunEnd(text, start + width, CharacterKind.Letter);
        }

        if (kind == CharacterKind.Number)
        {
            var end = start + width;
            for (var digits = 1; digits < maxDigits && end < text.Length && CharacterKinds.At(text, end, out width) == CharacterKind.Number; digits++)
            {
                end += width;
            }

            return end;
        }

        // [^\r\n\p{L}\p{N}]?\p{L}+ : one other character or white space may lead a word.
        var next = start + width;
        if (unit is not ('\r' or '\n') && next < text.Length && CharacterKinds.At(text, next, out var nextWidth) == CharacterKind.Letter)
        {
            return CharacterKinds.RunEnd(text, next + nextWidth, CharacterKind.Letter);
        }

        // " ?[^\s\p{L}\p{N}]+[\r\n]*"
        if (kind == CharacterKind.Other || (unit == ' ' && next < text.Length && CharacterKinds.At(text, next, out _) == CharacterKind.Other))
        {
            var end = CharacterKinds.RunEnd(text, next, CharacterKind.Other);
            while (end < text.Length && text[end] is '\r' or '\n')
            {
                end++;
            }

            return end;
        }

        // White space: up to its last line end, else all but the last before a word (see Gpt2Splitter).
        var spaceEnd = CharacterKinds.RunEnd(text, next, CharacterKind.Space);
        var lineEnd = text[start..spaceEnd].LastIndexOfAny('\r', '\n');
        return lineEnd >= 0 ? start + lineEnd + 1
            : spaceEnd < text.Length && spaceEnd - 1 > start ? spaceEnd - 1
            : spaceEnd;
    }

    // ſ (U+017F) is an s to a pattern that ignores case.
    private static int ContractionLength(ReadOnlySpan<char> rest) => rest switch
    {
        ['s' or 'S' or 'ſ' or 't' or 'T' or 'm' or 'M' or 'd' or 'D', ..] => 1,
        ['r' or 'R' or 'v' or 'V', 'e' or 'E', ..] or ['l' or 'L', 'l' or 'L', ..] => 2,
        _ => 0,
    };
}
