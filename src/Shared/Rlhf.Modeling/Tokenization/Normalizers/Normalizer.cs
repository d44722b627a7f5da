using System.Text;
using System.Text.Json;
using Rlhf.Modeling.Tokenization.Patterns;
using Rlhf.Modeling.Tokenization.Unicode;

namespace Rlhf.Modeling.Tokenization.Normalizers;

/// <summary>The <c>normalizer</c> of tokenizer.json: the steps in order.</summary>
internal sealed class Normalizer
{
    private const string Supported = "null, Sequence, NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Replace, Prepend, BertNormalizer, Precompiled, ByteLevel";

    private readonly List<Func<AlignedText, AlignedText>> _steps = [];

    /// <summary>True if texts pass unchanged.</summary>
    public bool IsIdentity => _steps.Count == 0;

    public static Normalizer Parse(JsonElement element)
    {
        var normalizer = new Normalizer();
        normalizer.Add(element, "normalizer");
        return normalizer;
    }

    public AlignedText Apply(AlignedText text)
    {
        foreach (var step in _steps)
        {
            text = step(text);
        }

        return text;
    }

    public string Apply(string text) => Apply(new AlignedText(text, 0, tracks: false)).Text;

    private void Add(JsonElement element, string at)
    {
        switch (TokenizerJson.TypeOf(element))
        {
            case null:
                break;
            case "Sequence":
                TokenizerJson.ForEach(element, "normalizers", at, Add);
                break;
            case "NFC":
                _steps.Add(UnicodeNormalization.Nfc.Apply);
                break;
            case "NFD":
                _steps.Add(UnicodeNormalization.Nfd.Apply);
                break;
            case "NFKC":
                _steps.Add(UnicodeNormalization.Nfkc.Apply);
                break;
            case "NFKD":
                _steps.Add(UnicodeNormalization.Nfkd.Apply);
                break;
            case "Lowercase":
                _steps.Add(TextSteps.Lowercase);
                break;
            case "StripAccents":
                _steps.Add(text => TextSteps.Map(text, rune => (CharacterClasses.CategoryBit(rune) & CharacterClasses.Marks) != 0 ? "" : null));
                break;
            case "Strip":
                var (left, right) = (TokenizerJson.Flag(element, "strip_left"), TokenizerJson.Flag(element, "strip_right"));
                _steps.Add(text => TextSteps.Strip(text, left, right));
                break;
            case "Prepend":
                var prefix = TokenizerJson.Text(element, "prepend", at);
                _steps.Add(text => text.Text.Length == 0 ? text : TextSteps.Prepend(text, prefix));
                break;
            case "Replace":
                var pattern = TextPattern.Parse(TokenizerJson.Child(element, "pattern"), $"{at}.pattern");
                var content = TokenizerJson.Text(element, "content", at);
                _steps.Add(text => TextSteps.Replace(text, pattern, content));
                break;
            case "BertNormalizer":
                _steps.Add(new BertNormalizer(element).Apply);
                break;
            case "Precompiled":
                _steps.Add(PrecompiledCharsMap.Parse(element, at).Apply);
                break;
            case "ByteLevel":
                _steps.Add(TextSteps.ToByteAlphabet);
                break;
            case var other:
                throw TokenizerJson.Unsupported(at, other, Supported);
        }
    }
}
