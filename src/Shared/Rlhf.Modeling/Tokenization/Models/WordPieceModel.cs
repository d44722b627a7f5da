using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Rlhf.Modeling.Tokenization.Models;

/// <summary>WordPiece (BERT): the longest token from the left, again and again; a word with a part that no token covers is unknown.</summary>
internal sealed class WordPieceModel : TokenModel
{
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _vocabulary;
    private readonly string _prefix;
    private readonly int _maxLength;
    private readonly int _unknownId;
    private readonly int _longestToken;

    private WordPieceModel(JsonElement model, Dictionary<string, int> vocabulary)
    {
        _vocabulary = vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        _longestToken = vocabulary.Keys.Select(token => token.Length).DefaultIfEmpty().Max();
        _prefix = TokenizerJson.Child(model, "continuing_subword_prefix") is { ValueKind: JsonValueKind.String } prefix ? prefix.GetString()! : "##";
        _maxLength = TokenizerJson.Child(model, "max_input_chars_per_word").ValueKind == JsonValueKind.Undefined
            ? 100
            : TokenizerJson.Integer(model, "max_input_chars_per_word", "model");
        _unknownId = UnknownId(model, vocabulary, required: true)!.Value;
    }

    public static WordPieceModel Parse(JsonElement model)
    {
        var vocabulary = ParseVocabulary(model);
        return new WordPieceModel(model, vocabulary) { Vocabulary = vocabulary };
    }

    public override void Encode(ReadOnlySpan<char> word, TokenSink sink)
    {
        var first = sink.Ids.Count;
        if (CodePoints(word) > _maxLength)
        {
            sink.Add(_unknownId, 0, word.Length);
            return;
        }

        var buffer = ArrayPool<char>.Shared.Rent(_prefix.Length + word.Length);
        _prefix.CopyTo(buffer);
        for (var start = 0; start < word.Length;)
        {
            var (id, end) = Longest(word, start, buffer);
            if (id < 0)
            {
                sink.Ids.RemoveRange(first, sink.Ids.Count - first);
                sink.Ranges?.RemoveRange(first, sink.Ranges.Count - first);
                sink.Add(_unknownId, 0, word.Length);
                break;
            }

            sink.Add(id, start, end);
            start = end;
        }

        ArrayPool<char>.Shared.Return(buffer);
    }

    private (int Id, int End) Longest(ReadOnlySpan<char> word, int start, char[] buffer)
    {
        // The buffer begins with the prefix, which counts only inside a word.
        var from = start > 0 ? 0 : _prefix.Length;
        word[start..].CopyTo(buffer.AsSpan(_prefix.Length));
        for (var end = Math.Min(word.Length, start + _longestToken); end > start; end--)
        {
            var half = end < word.Length && char.IsLowSurrogate(word[end]) && char.IsHighSurrogate(word[end - 1]);
            if (!half && _vocabulary.TryGetValue(buffer.AsSpan(from, _prefix.Length - from + end - start), out var id))
            {
                return (id, end);
            }
        }

        return (-1, start);
    }

    private static int CodePoints(ReadOnlySpan<char> word)
    {
        var count = 0;
        foreach (var _ in word.EnumerateRunes())
        {
            count++;
        }

        return count;
    }
}
