using System.Buffers;
using System.Text.Json;

namespace Rlhf.Modeling.Tokenization;

/// <summary>One entry of <c>added_tokens</c> in tokenizer.json: a text that always becomes one id.</summary>
internal sealed record AddedToken(int Id, string Content, bool Special, bool SingleWord, bool LeftStrip, bool RightStrip, bool Normalized)
{
    public static AddedToken Parse(JsonElement token, int index)
    {
        var at = $"added_tokens[{index}]";
        var content = token.TryGetProperty("content", out var text) && text.ValueKind == JsonValueKind.String ? text.GetString()! : "";
        if (content.Length == 0)
        {
            throw new InvalidDataException($"{at}.content must be a non-empty string");
        }

        if (!TokenizerJson.TryInteger(TokenizerJson.Child(token, "id"), out var id) || id < 0)
        {
            throw new InvalidDataException($"{at}.id (\"{content}\") must be a non-negative integer");
        }

        return new AddedToken(id, content, Flag("special"), Flag("single_word"), Flag("lstrip"), Flag("rstrip"), Flag("normalized"));

        bool Flag(string name) => token.TryGetProperty(name, out var flag) && flag.ValueKind == JsonValueKind.True;
    }
}

/// <summary>Finds added tokens in a text: the leftmost one, and of several at one place the longest.</summary>
internal sealed class AddedTokenFinder
{
    private readonly SearchValues<string>? _search;
    private readonly ILookup<char, (string Content, AddedToken Token)> _byFirst;

    public AddedTokenFinder(IEnumerable<(string Content, AddedToken Token)> tokens)
    {
        var all = tokens.OrderByDescending(entry => entry.Content.Length).ToArray();
        _byFirst = all.ToLookup(entry => entry.Content[0]);
        _search = all.Length > 0 ? SearchValues.Create([.. all.Select(entry => entry.Content)], StringComparison.Ordinal) : null;
    }

    /// <summary>The parts of a text in order: a token's place (with the white space it absorbs), or plain text (null token).</summary>
    public IEnumerable<(Range Range, AddedToken? Token)> Split(string text)
    {
        var plainFrom = 0;
        var searchFrom = 0;
        while (_search is not null && text.AsSpan(searchFrom).IndexOfAny(_search) is var offset and >= 0)
        {
            var start = searchFrom + offset;
            if (Match(text, start) is not { } match)
            {
                searchFrom = start + 1;
                continue;
            }

            var end = start + match.Content.Length;
            while (match.Token.LeftStrip && start > plainFrom && char.IsWhiteSpace(text[start - 1]))
            {
                start--;
            }

            while (match.Token.RightStrip && end < text.Length && char.IsWhiteSpace(text[end]))
            {
                end++;
            }

            if (start > plainFrom)
            {
                yield return (plainFrom..start, null);
            }

            yield return (start..end, match.Token);
            plainFrom = searchFrom = end;
        }

        if (plainFrom < text.Length)
        {
            yield return (plainFrom..text.Length, null);
        }
    }

    private (string Content, AddedToken Token)? Match(string text, int start)
    {
        foreach (var entry in _byFirst[text[start]])
        {
            var end = start + entry.Content.Length;
            if (text.AsSpan(start).StartsWith(entry.Content, StringComparison.Ordinal)
                && !(entry.Token.SingleWord && ((start > 0 && IsWord(text[start - 1])) || (end < text.Length && IsWord(text[end])))))
            {
                return entry;
            }
        }

        return null;
    }

    private static bool IsWord(char value) => char.IsLetterOrDigit(value) || value == '_';
}
