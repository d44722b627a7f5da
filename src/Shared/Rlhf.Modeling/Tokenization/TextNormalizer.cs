using System.Text.Json;

namespace Rlhf.Modeling.Tokenization;

/// <summary>The <c>normalizer</c> of tokenizer.json: the Prepend and Replace steps SentencePiece models are converted to.</summary>
internal sealed class TextNormalizer
{
    private readonly List<Func<string, string>> _steps = [];

    /// <summary>True if texts pass unchanged.</summary>
    public bool IsIdentity => _steps.Count == 0;

    public static TextNormalizer Parse(JsonElement element)
    {
        var normalizer = new TextNormalizer();
        normalizer.Add(element, "normalizer");
        return normalizer;
    }

    public string Apply(string text)
    {
        foreach (var step in _steps)
        {
            text = step(text);
        }

        return text;
    }

    private void Add(JsonElement element, string at)
    {
        switch (TokenizerJson.TypeOf(element))
        {
            case null:
                break;
            case "Sequence":
                TokenizerJson.ForEach(element, "normalizers", at, Add);
                break;
            case "Prepend":
                var prefix = TokenizerJson.Text(element, "prepend", at);
                _steps.Add(text => text.Length == 0 ? text : prefix + text);
                break;
            case "Replace":
                var (pattern, content) = TokenizerJson.Replacement(element, at);
                _steps.Add(text => text.Replace(pattern, content, StringComparison.Ordinal));
                break;
            case var other:
                throw TokenizerJson.Unsupported(at, other, "null, Sequence, Prepend, Replace");
        }
    }
}
