using System.Globalization;
using System.Text;

namespace Rlhf.Modeling.Tokenization.Unicode;

/// <summary>Character classes as the reference library (Rust) defines them.</summary>
internal static class CharacterClasses
{
    /// <summary>General categories as a bit mask: <c>1 &lt;&lt; category</c>.</summary>
    public const int Letters = 0b11111, Marks = 0b111 << 5, Numbers = 0b111 << 8, Punctuations = 0b1111111 << 18;

    public static int CategoryBit(Rune rune) => 1 << (int)Rune.GetUnicodeCategory(rune);

    public static bool IsNumeric(Rune rune) => (CategoryBit(rune) & Numbers) != 0;

    /// <summary><c>\w</c> (UTS 18): alphabetic, marks, decimal digits, connectors, join controls.</summary>
    public static bool IsWord(Rune rune) =>
        (CategoryBit(rune) & (Letters | Marks | (1 << (int)UnicodeCategory.DecimalDigitNumber) | (1 << (int)UnicodeCategory.LetterNumber)
            | (1 << (int)UnicodeCategory.ConnectorPunctuation))) != 0
        || rune.Value is 0x200C or 0x200D or (>= 0x24B6 and <= 0x24E9) or (>= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169) or (>= 0x1F170 and <= 0x1F189);

    /// <summary>ASCII punctuation and symbols, and every character of a punctuation category.</summary>
    public static bool IsPunctuation(Rune rune) => rune.IsAscii
        ? char.IsPunctuation((char)rune.Value) || char.IsSymbol((char)rune.Value)
        : (CategoryBit(rune) & Punctuations) != 0;

    /// <summary>The blocks BERT's tokenizer takes for Chinese characters (google-research/bert, tokenization.py).</summary>
    public static bool IsChinese(Rune rune) => rune.Value is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF)
        or (>= 0x2A700 and <= 0x2B73F) or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B920 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);

    /// <summary>A control, format, private or unassigned character; tab and line ends count as white space.</summary>
    public static bool IsControl(Rune rune) => rune.Value is not ('\t' or '\n' or '\r') && Rune.GetUnicodeCategory(rune) is
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned;
}
