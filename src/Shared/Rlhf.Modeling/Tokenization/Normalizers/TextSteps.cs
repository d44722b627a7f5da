using System.Text;
using Rlhf.Modeling.Tokenization.Patterns;

namespace Rlhf.Modeling.Tokenization.Normalizers;

/// <summary>Changes of a text that normalizers and pre-tokenizers are made of.</summary>
internal static class TextSteps
{
    /// <summary>Replaces characters: by the function's text, or not at all where it returns null.</summary>
    public static AlignedText Map(AlignedText input, Func<Rune, string?> replacement)
    {
        AlignedTextBuilder? output = null;
        var copied = 0;
        for (var i = 0; i < input.Text.Length;)
        {
            Rune.DecodeFromUtf16(input.Text.AsSpan(i), out var rune, out var width);
            if (replacement(rune) is { } text)
            {
                output ??= new AlignedTextBuilder(input);
                output.Copy(copied, i - copied);
                output.Replace(text, i, width);
                copied = i + width;
            }

            i += width;
        }

        output?.Copy(copied, input.Text.Length - copied);
        return output?.Build() ?? input;
    }

    /// <summary>Lower case by simple mappings, and İ (U+0130), the only character whose lower case is two.</summary>
    public static AlignedText Lowercase(AlignedText input) => Map(input, rune =>
        rune.Value == 0x130 ? "i\u0307" : Rune.ToLowerInvariant(rune) is var lower && lower != rune ? lower.ToString() : null);

    public static AlignedText Strip(AlignedText input, bool left, bool right)
    {
        var (start, end) = (0, input.Text.Length);
        while (left && start < end && char.IsWhiteSpace(input.Text[start]))
        {
            start++;
        }

        while (right && end > start && char.IsWhiteSpace(input.Text[end - 1]))
        {
            end--;
        }

        return input.Slice(start..end);
    }

    public static AlignedText Prepend(AlignedText input, string prefix)
    {
        var output = new AlignedTextBuilder(input);
        output.Replace(prefix, 0, 0);
        output.Copy(0, input.Text.Length);
        return output.Build();
    }

    public static AlignedText Replace(AlignedText input, TextPattern pattern, string content)
    {
        var matches = pattern.Matches(input.Text);
        if (matches.Count == 0)
        {
            return input;
        }

        var output = new AlignedTextBuilder(input);
        var copied = 0;
        foreach (var (start, end) in matches)
        {
            output.Copy(copied, start - copied);
            output.Replace(content, start, end - start);
            copied = end;
        }

        output.Copy(copied, input.Text.Length - copied);
        return output.Build();
    }

    /// <summary>Every character becomes the characters of GPT-2's alphabet that stand for its UTF-8 bytes.</summary>
    public static AlignedText ToByteAlphabet(AlignedText input)
    {
        var output = new AlignedTextBuilder(input);
        Span<byte> bytes = stackalloc byte[4];
        Span<char> characters = stackalloc char[4];
        for (var i = 0; i < input.Text.Length;)
        {
            Rune.DecodeFromUtf16(input.Text.AsSpan(i), out var rune, out var width);
            var count = rune.EncodeToUtf8(bytes);
            for (var b = 0; b < count; b++)
            {
                characters[b] = ByteLevelAlphabet.ToChar(bytes[b]);
            }

            output.Replace(characters[..count], i, width);
            i += width;
        }

        return output.Build();
    }
}
