using System.Globalization;
using System.Text;

namespace Rlhf.Modeling.Tokenization.PreTokenizers;

/// <summary>What the known split patterns tell apart.</summary>
internal enum CharacterKind : byte
{
    Other,
    Letter,
    Number,
    Space,

    /// <summary>Half of a character beyond the basic plane.</summary>
    Surrogate,
}

internal static class CharacterKinds
{
    private static readonly CharacterKind[] Units = [.. Enumerable.Range(0, 0x10000).Select(unit =>
        char.IsSurrogate((char)unit) ? CharacterKind.Surrogate : Classify(new Rune(unit)))];

    /// <summary>The kind of the character at a place, and its width in UTF-16 units.</summary>
    public static CharacterKind At(ReadOnlySpan<char> text, int index, out int width)
    {
        width = 1;
        var kind = Units[text[index]];
        if (kind == CharacterKind.Surrogate)
        {
            Rune.DecodeFromUtf16(text[index..], out var rune, out width);
            kind = Classify(rune);
        }

        return kind;
    }

    /// <summary>Where the run of characters of a kind ends that goes on at a place.</summary>
    public static int RunEnd(ReadOnlySpan<char> text, int index, CharacterKind kind)
    {
        var units = Units;
        while (index < text.Length)
        {
            var unit = units[text[index]];
            if (unit == kind)
            {
                index++;
            }
            else if (unit == CharacterKind.Surrogate && At(text, index, out var width) == kind)
            {
                index += width;
            }
            else
            {
                break;
            }
        }

        return index;
    }

    private static CharacterKind Classify(Rune rune) => Rune.IsWhiteSpace(rune) ? CharacterKind.Space : Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
            or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => CharacterKind.Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => CharacterKind.Number,
        _ => CharacterKind.Other,
    };
}
