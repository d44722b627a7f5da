using System.Text;
using System.Text.Json;
using Rlhf.Modeling.Tokenization.Unicode;

namespace Rlhf.Modeling.Tokenization.Normalizers;

/// <summary>BERT's cleaning (google-research/bert, tokenization.py): control characters, Chinese characters, accents, case.</summary>
internal sealed class BertNormalizer(JsonElement element)
{
    private readonly bool _cleanText = TokenizerJson.Flag(element, "clean_text", absent: true);
    private readonly bool _chinese = TokenizerJson.Flag(element, "handle_chinese_chars", absent: true);
    private readonly bool _lowercase = TokenizerJson.Flag(element, "lowercase", absent: true);

    // Not given, it follows the case.
    private readonly bool _stripAccents = TokenizerJson.Flag(element, "strip_accents", absent: TokenizerJson.Flag(element, "lowercase", absent: true));

    public AlignedText Apply(AlignedText text)
    {
        if (_cleanText)
        {
            text = TextSteps.Map(text, rune =>
                rune.Value is 0 or 0xFFFD || CharacterClasses.IsControl(rune) ? ""
                : rune.Value != ' ' && Rune.IsWhiteSpace(rune) ? " "
                : null);
        }

        if (_chinese)
        {
            text = TextSteps.Map(text, rune => CharacterClasses.IsChinese(rune) ? $" {rune} " : null);
        }

        if (_stripAccents)
        {
            text = TextSteps.Map(
                UnicodeNormalization.Nfd.Apply(text),
                rune => Rune.GetUnicodeCategory(rune) == System.Globalization.UnicodeCategory.NonSpacingMark ? "" : null);
        }

        return _lowercase ? TextSteps.Lowercase(text) : text;
    }
}
