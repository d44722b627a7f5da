using System.Buffers;
using System.Text;
using System.Text.Json;
using Rlhf.Modeling.Tokenization.Unicode;

namespace Rlhf.Modeling.Tokenization;

/// <summary>One entry of <c>added_tokens</c> in tokenizer.json: a text that always becomes one id.</summary>
internal sealed record AddedToken(int Id, string Content, bool Special, bool SingleWord, bool LeftStrip, bool RightStrip, bool Normalized)
{
    public static AddedToken Parse(JsonElement token, int index)
    {
        var at = $"added_tokens[{index}]";
        var content = TokenizerJson.Child(token, "content") is { ValueKind: JsonValueKind.String } text ? text.GetString()! : "";
        if (content.Length == 0)
        {
            throw new InvalidDataException($"{at}.content must be a non-empty string");
        }

        if (!TokenizerJson.TryInteger(TokenizerJson.Child(token, "id"), out var id) || id < 0)
        {
            throw new InvalidDataException($"{at}.id (\"{content}\") must be a non-negative integer");
        }

        return new AddedToken(id, content, Flag("special"), Flag("single_word"), Flag("lstrip"), Flag("rstrip"), Flag("normalized"));

        bool Flag(string name) => TokenizerJson.Flag(token, name);
    }
}

/// <summary>Finds added tokens in a text: the leftmost one, and of several at one place the longest.</summary>
internal sealed class AddedTokenFinder
{
    private readonly SearchValues<string>? _search;
    private readonly ILookup<char, (string Content, AddedToken Token)> _byFirst;

    public AddedTokenFinder(IEnumerable<(string Content, AddedToken Token)> tokens)
    {
        var all = tokens.Where(entry => entry.Content.Length > 0).OrderByDescending(entry => entry.Content.Length).ToArray();
        _byFirst = all.ToLookup(entry => entry.Content[0]);
        _search = all.Length > 0 ? SearchValues.Create([.. all.Select(entry => entry.Content)], StringComparison.Ordinal) : null;
    }

    /// <summary>The parts of a text in order: a token's place (with the white space it absorbs), or plain text (null token).</summary>
    /// <param name="text">The text.</param>
    /// <param name="from">Where the part to look at starts; nothing before it is seen.</param>
    /// <param name="to">Where it ends.</param>
    public IEnumerable<(int Start, int End, AddedToken? Token)> Split(string text, int from, int to)
    {
        var plainFrom = from;
        var searchFrom = from;
        while (_search is not null && text.AsSpan(searchFrom, to - searchFrom).IndexOfAny(_search) is var offset and >= 0)
        {
            var start = searchFrom + offset;
            var (content, token) = LongestAt(text, start, to);
            var end = start + content.Length;
            searchFrom = end;
            if (token.SingleWord && (WordBefore(text, from, start) || WordAt(text, end, to)))
            {
                continue;
            }

            while (token.LeftStrip && start > plainFrom && char.IsWhiteSpace(text[start - 1]))
            {
                start--;
            }

            while (token.RightStrip && end < to && char.IsWhiteSpace(text[end]))
            {
                end++;
            }

            if (start > plainFrom)
            {
                yield return (plainFrom, start, null);
            }

            yield return (start, end, token);
            plainFrom = searchFrom = end;
        }

        if (plainFrom < to)
        {
            yield return (plainFrom, to, null);
        }
    }

    private (string Content, AddedToken Token) LongestAt(string text, int start, int to) =>
        _byFirst[text[start]].First(entry => text.AsSpan(start, to - start).StartsWith(entry.Content, StringComparison.Ordinal));

    private static bool WordBefore(string text, int from, int index) =>
        index > from && Rune.DecodeLastFromUtf16(text.AsSpan(from, index - from), out var rune, out _) == OperationStatus.Done && CharacterClasses.IsWord(rune);

    private static bool WordAt(string text, int index, int to) =>
        index < to && Rune.DecodeFromUtf16(text.AsSpan(index, to - index), out var rune, out _) == OperationStatus.Done && CharacterClasses.IsWord(rune);
}
