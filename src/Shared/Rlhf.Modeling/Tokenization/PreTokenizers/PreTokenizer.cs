using System.Text;
using System.Text.Json;
using Rlhf.Modeling.Tokenization.Normalizers;
using Rlhf.Modeling.Tokenization.Patterns;
using Rlhf.Modeling.Tokenization.Unicode;

namespace Rlhf.Modeling.Tokenization.PreTokenizers;

/// <summary>The <c>pre_tokenizer</c> of tokenizer.json: the steps that split a normalized text into the words the model sees.</summary>
internal sealed class PreTokenizer
{
    private const string Supported =
        "null, Sequence, ByteLevel, Split, Whitespace, WhitespaceSplit, Metaspace, Digits, Punctuation, BertPreTokenizer, CharDelimiterSplit";

    private readonly List<Action<PreTokenizedText>> _steps = [];
    private readonly List<WordEnd?> _scanners = [];
    private bool _endsInByteLevel;

    /// <summary>Whether the last step is ByteLevel: the words then go to the model as UTF-8 bytes instead of GPT-2's alphabet.</summary>
    public bool BytesAtEnd => _endsInByteLevel;

    /// <summary>Where the whole pre-tokenizer is one known split pattern: its scanner.</summary>
    public WordEnd? Scanner => _scanners is [{ } only] ? only : null;

    /// <param name="element">The component.</param>
    /// <param name="bytes">Whether the model can take bytes.</param>
    public static PreTokenizer Parse(JsonElement element, bool bytes)
    {
        var preTokenizer = new PreTokenizer();
        preTokenizer.Add(element, "pre_tokenizer", bytes);
        return preTokenizer;
    }

    public PreTokenizedText Apply(AlignedText text)
    {
        var result = new PreTokenizedText(text);
        foreach (var step in _steps)
        {
            step(result);
        }

        return result;
    }

    private void Step(Action<PreTokenizedText> step, WordEnd? scanner = null)
    {
        _steps.Add(step);
        _scanners.Add(scanner);
    }

    private void Add(JsonElement element, string at, bool bytes)
    {
        switch (TokenizerJson.TypeOf(element))
        {
            case null:
                break;
            case "Sequence":
                var count = TokenizerJson.Child(element, "pretokenizers") is { ValueKind: JsonValueKind.Array } list ? list.GetArrayLength() : 0;
                var index = 0;
                TokenizerJson.ForEach(element, "pretokenizers", at, (step, place) => Add(step, place, bytes && ++index == count));
                break;
            case "ByteLevel":
                AddByteLevel(element, bytes);
                break;
            case "Split":
                AddSplit(element, at);
                break;
            case "Whitespace":
                Matches(TextPattern.FromRegex(@"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}\s]+", at), SplitBehavior.Removed, invert: true);
                break;
            case "WhitespaceSplit":
                Characters(Rune.IsWhiteSpace, SplitBehavior.Removed);
                break;
            case "Metaspace":
                AddMetaspace(element, at);
                break;
            case "Digits":
                Characters(CharacterClasses.IsNumeric, TokenizerJson.Flag(element, "individual_digits") ? SplitBehavior.Isolated : SplitBehavior.Contiguous);
                break;
            case "Punctuation":
                Characters(CharacterClasses.IsPunctuation, Behavior(element, at, SplitBehavior.Isolated));
                break;
            case "BertPreTokenizer":
                Characters(Rune.IsWhiteSpace, SplitBehavior.Removed);
                Characters(CharacterClasses.IsPunctuation, SplitBehavior.Isolated);
                break;
            case "CharDelimiterSplit":
                var delimiter = TokenizerJson.Text(element, "delimiter", at);
                if (!Rune.TryGetRuneAt(delimiter.PadRight(1), 0, out var only) || only.Utf16SequenceLength != delimiter.Length)
                {
                    throw new InvalidDataException($"{at}.delimiter must be one character");
                }

                Characters(rune => rune == only, SplitBehavior.Removed);
                break;
            case var other:
                throw TokenizerJson.Unsupported(at, other, Supported);
        }
    }

    private void AddByteLevel(JsonElement element, bool bytes)
    {
        if (TokenizerJson.Flag(element, "add_prefix_space"))
        {
            Step(text => text.Change(piece => piece.Text is [' ', ..] ? piece : TextSteps.Prepend(piece, " ")));
        }

        if (TokenizerJson.Flag(element, "use_regex", absent: true))
        {
            Scan(Gpt2Splitter.WordEnd);
        }

        if (bytes)
        {
            _endsInByteLevel = true;
        }
        else
        {
            Step(text => text.Change(TextSteps.ToByteAlphabet));
        }
    }

    private void AddSplit(JsonElement element, string at)
    {
        var behavior = Behavior(element, at, null);
        var invert = TokenizerJson.Flag(element, "invert");
        var pattern = TokenizerJson.Child(element, "pattern");
        if (behavior == SplitBehavior.Isolated
            && !invert
            && TokenizerJson.Child(pattern, "Regex") is { ValueKind: JsonValueKind.String } regex
            && SplitPatterns.Find(regex.GetString()!) is { } scanner)
        {
            Scan(scanner);
        }
        else
        {
            Matches(TextPattern.Parse(pattern, $"{at}.pattern"), behavior, invert);
        }
    }

    private void AddMetaspace(JsonElement element, string at)
    {
        var replacement = TokenizerJson.Text(element, "replacement", at);
        if (replacement.Length == 0)
        {
            throw new InvalidDataException($"{at}.replacement must be one character");
        }

        var scheme = TokenizerJson.PrependScheme(element, at);
        var space = Space(replacement);
        var split = TokenizerJson.Flag(element, "split", absent: true);
        Step(text =>
        {
            text.Change(piece =>
            {
                var replaced = TextSteps.Map(piece, space);
                return replaced.Text.StartsWith(replacement, StringComparison.Ordinal) || scheme == "never" || (scheme == "first" && replaced.OriginalRange(0, 0).Start > 0)
                    ? replaced
                    : TextSteps.Prepend(replaced, replacement);
            });
            if (split)
            {
                text.Split((piece, parts) =>
                {
                    var matches = new List<(int, int)>();
                    for (var i = 0; piece[i..].IndexOf(replacement, StringComparison.Ordinal) is var offset and >= 0; i += offset + replacement.Length)
                    {
                        matches.Add((i + offset, i + offset + replacement.Length));
                    }

                    SplitBehaviors.Cut(piece.Length, matches, SplitBehavior.MergedWithNext, invert: false, parts);
                });
            }
        });

        static Func<Rune, string?> Space(string replacement) => rune => rune.Value == ' ' ? replacement : null;
    }

    private void Scan(WordEnd wordEnd) => Step(
        text => text.Split((piece, parts) =>
        {
            for (var start = 0; start < piece.Length;)
            {
                var end = wordEnd(piece, start);
                parts.Add((start, end));
                start = end;
            }
        }),
        wordEnd);

    private void Matches(TextPattern pattern, SplitBehavior behavior, bool invert) =>
        Step(text => text.Split((piece, parts) => SplitBehaviors.Cut(piece.Length, pattern.Matches(piece), behavior, invert, parts)));

    private void Characters(Func<Rune, bool> matches, SplitBehavior behavior) => Step(text => text.Split((piece, parts) =>
    {
        var found = new List<(int, int)>();
        for (var i = 0; i < piece.Length;)
        {
            Rune.DecodeFromUtf16(piece[i..], out var rune, out var width);
            if (matches(rune))
            {
                found.Add((i, i + width));
            }

            i += width;
        }

        SplitBehaviors.Cut(piece.Length, found, behavior, invert: false, parts);
    }));

    private static SplitBehavior Behavior(JsonElement element, string at, SplitBehavior? absent)
    {
        var value = TokenizerJson.Child(element, "behavior");
        if (value.ValueKind is JsonValueKind.Undefined && absent is { } behavior)
        {
            return behavior;
        }

        var name = value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
        return Enum.GetNames<SplitBehavior>().FirstOrDefault(known => known.Equals(name, StringComparison.OrdinalIgnoreCase)) is { } match
            ? Enum.Parse<SplitBehavior>(match)
            : throw TokenizerJson.Unsupported($"{at}.behavior", name, string.Join(", ", Enum.GetNames<SplitBehavior>()));
    }
}
