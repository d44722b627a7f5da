using System.Globalization;
using System.Text;

namespace Rlhf.Modeling.Tokenization;

/// <summary>
/// GPT-2's split of a text into words, <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c>, as a scanner.
/// A scanner, because .NET's regular expressions see UTF-16 units: a letter outside the basic plane would not be a letter.
/// </summary>
internal static class Gpt2Splitter
{
    private enum Kind : byte
    {
        Other,
        Letter,
        Number,
        Space,
    }

    private static readonly Kind[] Ascii = [.. Enumerable.Range(0, 128).Select(value => Classify(new Rune(value)))];

    /// <summary>Where the word that starts at <paramref name="start"/> ends (exclusive); always after <paramref name="start"/>.</summary>
    public static int WordEnd(ReadOnlySpan<char> text, int start)
    {
        if (text[start] == '\'' && ContractionLength(text[(start + 1)..]) is var contraction and > 0)
        {
            return start + 1 + contraction;
        }

        // The optional space belongs to the word only when something other than white space follows it.
        var first = start;
        var kind = KindAt(text, first, out var width);
        if (text[start] == ' ' && start + 1 < text.Length && KindAt(text, start + 1, out var nextWidth) is var next and not Kind.Space)
        {
            (first, kind, width) = (start + 1, next, nextWidth);
        }

        var end = first + width;
        var last = first;
        while (end < text.Length && KindAt(text, end, out width) == kind)
        {
            last = end;
            end += width;
        }

        // \s+(?!\S): before a word, white space leaves its last character to that word – unless it is the only one.
        return kind == Kind.Space && end < text.Length && last > start ? last : end;
    }

    private static int ContractionLength(ReadOnlySpan<char> rest) => rest switch
    {
        ['s' or 't' or 'm' or 'd', ..] => 1,
        ['r' or 'v', 'e', ..] or ['l', 'l', ..] => 2,
        _ => 0,
    };

    private static Kind KindAt(ReadOnlySpan<char> text, int index, out int width)
    {
        var unit = text[index];
        if (unit < 128)
        {
            width = 1;
            return Ascii[unit];
        }

        Rune.DecodeFromUtf16(text[index..], out var rune, out width);
        return Classify(rune);
    }

    private static Kind Classify(Rune rune) => Rune.IsWhiteSpace(rune) ? Kind.Space : Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
            or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => Kind.Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Number,
        _ => Kind.Other,
    };
}
