using System.Globalization;

namespace Rlhf.Modeling.Gguf;

/// <summary>
/// Scores for llama.cpp's <c>llama</c> tokenizer. It joins the neighbours whose joined text has the highest score in the vocabulary, where
/// BPE joins those whose merge comes first; with score = −(rank of the token's first merge) both do the same, as long as every pair of
/// tokens that makes up a token is a merge – which it is where the merges were made from SentencePiece's scores.
/// </summary>
internal static class GgufScores
{
    /// <param name="tokens">By id.</param>
    /// <param name="joined">Whether texts are joined to this token at all: not so for special, byte and unused ones.</param>
    /// <param name="merges">In order of rank.</param>
    /// <param name="metadata">Takes a note if llama.cpp may split texts differently.</param>
    public static float[] FromMerges(string[] tokens, bool[] joined, IReadOnlyList<(string Left, string Right)> merges, GgufMetadata metadata)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var id = 0; id < tokens.Length; id++)
        {
            ids[tokens[id]] = id;
        }

        var scores = Enumerable.Repeat((float)-merges.Count, tokens.Length).ToArray();
        var last = new int[tokens.Length];
        var first = Enumerable.Repeat(int.MaxValue, tokens.Length).ToArray();
        for (var rank = 0; rank < merges.Count; rank++)
        {
            var id = ids[merges[rank].Left + merges[rank].Right];
            first[id] = Math.Min(first[id], rank);
            scores[id] = -first[id];
            last[id] = rank;
        }

        var (unknown, mixed) = (UnknownPairs(tokens, joined, ids, merges), Interleaved(first, last));
        if (unknown + mixed > 0)
        {
            metadata.Notes.Add(
                $"{unknown} pairs of tokens are joined by llama.cpp although they are no merge, and the merges of {mixed} tokens lie among those of others: "
                + "some words may be split differently");
        }

        return scores;
    }

    /// <summary>&lt;0x00&gt; … &lt;0xFF&gt;.</summary>
    public static bool IsByte(string token) =>
        token is ['<', '0', 'x', _, _, '>'] && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out _);

    private static int UnknownPairs(string[] tokens, bool[] joined, Dictionary<string, int> ids, IReadOnlyList<(string, string)> merges)
    {
        var known = merges.ToHashSet();
        var count = 0;
        for (var id = 0; id < tokens.Length; id++)
        {
            var token = tokens[id];
            for (var cut = 1; joined[id] && cut < token.Length; cut++)
            {
                var (left, right) = (token[..cut], token[cut..]);
                if (ids.TryGetValue(left, out var leftId) && ids.TryGetValue(right, out var rightId) && joined[leftId] && joined[rightId] && !known.Contains((left, right)))
                {
                    count++;
                }
            }
        }

        return count;
    }

    /// <summary>Tokens with a merge that comes after the first merge of the next token.</summary>
    private static int Interleaved(int[] first, int[] last)
    {
        int[] order = [.. Enumerable.Range(0, first.Length).Where(id => first[id] != int.MaxValue).OrderBy(id => first[id])];
        return order.Zip(order.Skip(1)).Count(pair => last[pair.First] > first[pair.Second]);
    }
}
