using System.Text;
using System.Text.Json;

namespace Rlhf.Modeling.Tokenization.Models;

/// <summary>
/// Unigram language model (Kudo 2018, section 3.2): of all segmentations of a word the one with the highest sum of token scores, found by
/// Viterbi over a trie of the vocabulary. A character without a token costs the worst score less 10 (sentencepiece, unigram_model.cc).
/// </summary>
internal sealed class UnigramModel : TokenModel
{
    private const double UnknownPenalty = 10;

    private readonly Dictionary<(int Node, char Unit), int> _children = [];
    private readonly List<int> _tokenAt = [-1];
    private readonly double[] _scores;
    private readonly double _unknownScore;
    private readonly int? _unknownId;
    private readonly int[]? _byteIds;

    private UnigramModel(JsonElement model, List<(string Token, double Score)> pieces, Dictionary<string, int> vocabulary)
    {
        _scores = [.. pieces.Select(piece => piece.Score)];
        _unknownScore = _scores.DefaultIfEmpty().Min() - UnknownPenalty;
        var unknown = TokenizerJson.Child(model, "unk_id");
        if (unknown.ValueKind is not (JsonValueKind.Null or JsonValueKind.Undefined))
        {
            _unknownId = TokenizerJson.TryInteger(unknown, out var id) && id >= 0 && id < pieces.Count
                ? id
                : throw new InvalidDataException($"model.unk_id must be the number of an entry of model.vocab (0 to {pieces.Count - 1})");
        }

        foreach (var (token, id) in vocabulary)
        {
            Insert(token, id);
        }

        if (TokenizerJson.Flag(model, "byte_fallback"))
        {
            var bytes = Enumerable.Range(0, 256).Select(value => vocabulary.GetValueOrDefault($"<0x{value:X2}>", -1)).ToArray();
            _byteIds = bytes.Contains(-1) ? null : bytes;
        }
    }

    public static UnigramModel Parse(JsonElement model)
    {
        var pieces = new List<(string Token, double Score)>();
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        TokenizerJson.ForEach(model, "vocab", "model", (piece, at) =>
        {
            if (piece.ValueKind != JsonValueKind.Array || piece.GetArrayLength() != 2
                || piece[0].ValueKind != JsonValueKind.String || piece[1].ValueKind != JsonValueKind.Number || !double.IsFinite(piece[1].GetDouble()))
            {
                throw new InvalidDataException($"{at} must be [token, score]");
            }

            // Of a token that is listed twice the last entry counts, as in the reference library.
            vocabulary[piece[0].GetString()!] = pieces.Count;
            pieces.Add((piece[0].GetString()!, piece[1].GetDouble()));
        });
        return new UnigramModel(model, pieces, vocabulary) { Vocabulary = vocabulary };
    }

    public override void Encode(ReadOnlySpan<char> word, TokenSink sink)
    {
        // best[i]: the best way to the character that starts at unit i.
        var best = new (double Score, int From, int Id)[word.Length + 1];
        Array.Fill(best, (0, -1, -1));
        for (var start = 0; start < word.Length;)
        {
            Rune.DecodeFromUtf16(word[start..], out _, out var width);
            var till = best[start].Score;
            var single = false;
            for (int end = start, node = 0; end < word.Length && _children.TryGetValue((node, word[end]), out node);)
            {
                end++;
                if (_tokenAt[node] is var id and >= 0)
                {
                    Offer(end, till + _scores[id], start, id);
                    single |= end - start == width;
                }
            }

            if (!single)
            {
                Offer(start + width, till + _unknownScore, start, -1);
            }

            start += width;
        }

        var path = new List<(int Start, int End, int Id)>();
        for (var end = word.Length; end > 0;)
        {
            var (_, from, id) = best[end];
            id = id == _unknownId ? -1 : id;

            // Unknown characters in a row are one unknown token.
            if (id < 0 && path.Count > 0 && path[^1].Id < 0)
            {
                path[^1] = (from, path[^1].End, -1);
            }
            else
            {
                path.Add((from, end, id));
            }

            end = from;
        }

        path.Reverse();
        foreach (var (start, end, id) in path)
        {
            if (id >= 0)
            {
                sink.Add(id, start, end);
            }
            else
            {
                AddUnknown(word[start..end], start, sink);
            }
        }

        void Offer(int end, double score, int from, int id)
        {
            if (best[end].From < 0 || score > best[end].Score)
            {
                best[end] = (score, from, id);
            }
        }
    }

    private void AddUnknown(ReadOnlySpan<char> part, int start, TokenSink sink)
    {
        if (_byteIds is null || Vocabulary.TryGetValue(part.ToString(), out _))
        {
            sink.Add(_unknownId ?? throw new InvalidDataException($"\"{part}\" is in no token, and the vocabulary has no unknown token (model.unk_id)"), start, start + part.Length);
            return;
        }

        Span<byte> bytes = stackalloc byte[4];
        foreach (var rune in part.EnumerateRunes())
        {
            foreach (var value in bytes[..rune.EncodeToUtf8(bytes)])
            {
                sink.Add(_byteIds[value], start, start + rune.Utf16SequenceLength);
            }

            start += rune.Utf16SequenceLength;
        }
    }

    private void Insert(string token, int id)
    {
        var node = 0;
        foreach (var unit in token)
        {
            if (!_children.TryGetValue((node, unit), out var child))
            {
                child = _tokenAt.Count;
                _tokenAt.Add(-1);
                _children.Add((node, unit), child);
            }

            node = child;
        }

        if (node > 0)
        {
            _tokenAt[node] = id;
        }
    }
}
