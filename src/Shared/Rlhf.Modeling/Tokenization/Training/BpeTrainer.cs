using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Rlhf.Modeling.Tokenization.PreTokenizers;

namespace Rlhf.Modeling.Tokenization;

/// <summary>
/// Trains a byte-level BPE vocabulary (Sennrich et al. 2016; byte-level as in GPT-2) and writes it in the Hugging Face format.
/// Counts are kept over the unique words and updated only where a merge changes them. The result depends on the words and
/// their counts alone, not on the order of the texts.
/// </summary>
public static class BpeTrainer
{
    /// <summary>A pair that occurs only once is not worth an id (the reference trainer's usual default).</summary>
    private const long MinFrequency = 2;

    private static readonly string[] BosNames = ["<s>", "<bos>", "<|bos|>", "<|begin_of_text|>", "<|startoftext|>"];
    private static readonly string[] EosNames = ["</s>", "<eos>", "<|eos|>", "<|end_of_text|>", "<|endoftext|>"];
    private static readonly string[] PadNames = ["<pad>", "<|pad|>", "[PAD]"];

    /// <summary>
    /// Learns a tokenizer. Ids: special tokens in the given order, then the 256 bytes, then the merges by rank. The begin-of-text,
    /// end-of-text and padding tokens are the special tokens with a usual name (such as <c>&lt;s&gt;</c>, <c>&lt;/s&gt;</c> or
    /// <c>&lt;|endoftext|&gt;</c>, <c>&lt;pad&gt;</c>); no token is put around encoded texts.
    /// </summary>
    /// <param name="texts">The corpus, read once.</param>
    /// <param name="vocabSize">The wanted number of ids; fewer result if no pair is left that occurs at least twice.</param>
    /// <param name="specialTokens">Texts that are one id each and never part of a word.</param>
    /// <exception cref="ArgumentException">If a special token is empty or given twice.</exception>
    /// <exception cref="ArgumentOutOfRangeException">If the vocabulary has no room for the special tokens and the 256 bytes.</exception>
    public static Tokenizer Train(IEnumerable<string> texts, int vocabSize, IReadOnlyList<string> specialTokens)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentNullException.ThrowIfNull(specialTokens);
        if (specialTokens.Any(string.IsNullOrEmpty) || specialTokens.Distinct(StringComparer.Ordinal).Count() != specialTokens.Count)
        {
            throw new ArgumentException("special tokens must be non-empty and distinct", nameof(specialTokens));
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(vocabSize, 256 + specialTokens.Count);
        var tokens = new List<string>(specialTokens);
        var byteIds = new int[256];
        foreach (var value in Enumerable.Range(0, 256).OrderBy(value => ByteLevelAlphabet.ToChar((byte)value)))
        {
            byteIds[value] = tokens.Count;
            tokens.Add(ByteLevelAlphabet.ToChar((byte)value).ToString());
        }

        var words = new WordCounts(CountWords(texts, specialTokens), byteIds);
        var merges = Learn(words, tokens, vocabSize);
        return Tokenizer.Parse(new TokenizerFiles("trained tokenizer", TokenizerJson(tokens, merges, specialTokens), ConfigJson(specialTokens)));
    }

    private static Dictionary<string, long> CountWords(IEnumerable<string> texts, IReadOnlyList<string> specialTokens)
    {
        var counts = new Dictionary<string, long>(StringComparer.Ordinal);
        var bySpan = counts.GetAlternateLookup<ReadOnlySpan<char>>();
        var finder = new AddedTokenFinder(specialTokens.Select((content, id) =>
            (content, new AddedToken(id, content, Special: true, SingleWord: false, LeftStrip: false, RightStrip: false, Normalized: false))));
        foreach (var text in texts)
        {
            foreach (var (from, to, token) in finder.Split(text, 0, text.Length))
            {
                if (token is not null)
                {
                    continue;
                }

                var part = text.AsSpan(from, to - from);
                for (var start = 0; start < part.Length;)
                {
                    var end = Gpt2Splitter.WordEnd(part, start);
                    var word = part[start..end];
                    bySpan.TryGetValue(word, out var count);
                    bySpan[word] = count + 1;
                    start = end;
                }
            }
        }

        return counts;
    }

    private static List<(int Left, int Right)> Learn(WordCounts words, List<string> tokens, int vocabSize)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var id = 0; id < tokens.Count; id++)
        {
            ids[tokens[id]] = id;
        }

        var merges = new List<(int, int)>();
        while (tokens.Count < vocabSize && words.TryTakeMostFrequentPair(MinFrequency, out var left, out var right))
        {
            // "ab"+"c" and "a"+"bc" join to the same token: it has one id and two merges.
            var joined = tokens[left] + tokens[right];
            if (!ids.TryGetValue(joined, out var id))
            {
                id = tokens.Count;
                ids.Add(joined, id);
                tokens.Add(joined);
            }

            merges.Add((left, right));
            words.Merge(left, right, id);
        }

        return merges;
    }

    private static byte[] TokenizerJson(List<string> tokens, List<(int Left, int Right)> merges, IReadOnlyList<string> specialTokens) => Json(json =>
    {
        json.WriteString("version", "1.0");
        json.WriteNull("truncation");
        json.WriteNull("padding");
        json.WriteStartArray("added_tokens");
        for (var id = 0; id < specialTokens.Count; id++)
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            json.WriteString("content", specialTokens[id]);
            json.WriteBoolean("single_word", false);
            json.WriteBoolean("lstrip", false);
            json.WriteBoolean("rstrip", false);
            json.WriteBoolean("normalized", false);
            json.WriteBoolean("special", true);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNull("normalizer");
        foreach (var name in (string[])["pre_tokenizer", "post_processor", "decoder"])
        {
            json.WriteStartObject(name);
            json.WriteString("type", "ByteLevel");
            json.WriteBoolean("add_prefix_space", false);
            json.WriteBoolean("trim_offsets", false);
            json.WriteBoolean("use_regex", true);
            json.WriteEndObject();
        }

        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteNull("unk_token");
        json.WriteNull("continuing_subword_prefix");
        json.WriteNull("end_of_word_suffix");
        json.WriteBoolean("fuse_unk", false);
        json.WriteBoolean("byte_fallback", false);
        json.WriteBoolean("ignore_merges", false);
        json.WriteStartObject("vocab");
        for (var id = 0; id < tokens.Count; id++)
        {
            json.WriteNumber(tokens[id], id);
        }

        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach (var (left, right) in merges)
        {
            json.WriteStringValue($"{tokens[left]} {tokens[right]}");
        }

        json.WriteEndArray();
        json.WriteEndObject();
    });

    private static byte[] ConfigJson(IReadOnlyList<string> specialTokens) => Json(json =>
    {
        json.WriteString("tokenizer_class", "PreTrainedTokenizerFast");
        json.WriteBoolean("clean_up_tokenization_spaces", false);
        foreach (var (field, names) in (ReadOnlySpan<(string, string[])>)
            [("bos_token", BosNames), ("eos_token", EosNames), ("pad_token", PadNames)])
        {
            if (specialTokens.FirstOrDefault(names.Contains) is { } token)
            {
                json.WriteString(field, token);
            }
        }
    });

    private static byte[] Json(Action<Utf8JsonWriter> writeMembers)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(
            stream, new JsonWriterOptions { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            writeMembers(json);
            json.WriteEndObject();
        }

        return stream.ToArray();
    }

    /// <summary>The unique words as symbol lists with their counts, and the counts of all adjacent pairs in them.</summary>
    private sealed class WordCounts
    {
        private readonly int[][] _symbols;
        private readonly int[] _lengths;
        private readonly long[] _counts;
        private readonly Dictionary<ulong, long> _pairCounts = [];
        private readonly Dictionary<ulong, List<int>> _wordsOfPair = [];
        private readonly PriorityQueue<ulong, (long NegativeCount, ulong Pair)> _queue = new();

        public WordCounts(Dictionary<string, long> words, int[] byteIds)
        {
            _symbols = new int[words.Count][];
            _lengths = new int[words.Count];
            _counts = new long[words.Count];
            var index = 0;
            foreach (var (word, count) in words)
            {
                _symbols[index] = Array.ConvertAll(Encoding.UTF8.GetBytes(word), value => byteIds[value]);
                _lengths[index] = _symbols[index].Length;
                _counts[index] = count;
                for (var i = 0; i + 1 < _lengths[index]; i++)
                {
                    Add(Pair(_symbols[index][i], _symbols[index][i + 1]), count, index, grown: null);
                }

                index++;
            }

            foreach (var (pair, count) in _pairCounts)
            {
                _queue.Enqueue(pair, (-count, pair));
            }
        }

        /// <summary>The pair with the highest count; of several the one with the smallest ids.</summary>
        public bool TryTakeMostFrequentPair(long minimum, out int left, out int right)
        {
            while (_queue.TryDequeue(out var pair, out var priority))
            {
                var count = _pairCounts.GetValueOrDefault(pair);
                if (count == -priority.NegativeCount && count >= minimum)
                {
                    (left, right) = ((int)(pair >> 32), (int)(uint)pair);
                    return true;
                }

                // The count fell since the pair was queued: it competes again with what is left.
                if (count >= minimum && count < -priority.NegativeCount)
                {
                    _queue.Enqueue(pair, (-count, pair));
                }
            }

            (left, right) = (-1, -1);
            return false;
        }

        /// <summary>Joins every occurrence of a pair, left to right, and updates the counts of the pairs around it.</summary>
        public void Merge(int left, int right, int joined)
        {
            var pair = Pair(left, right);
            _wordsOfPair.Remove(pair, out var words);
            var grown = new HashSet<ulong>();
            foreach (var word in words!)
            {
                var symbols = _symbols[word];
                var length = _lengths[word];
                var count = _counts[word];
                var kept = 0;
                for (var i = 0; i < length; i++)
                {
                    if (i + 1 == length || symbols[i] != left || symbols[i + 1] != right)
                    {
                        symbols[kept++] = symbols[i];
                        continue;
                    }

                    if (kept > 0)
                    {
                        Add(Pair(symbols[kept - 1], left), -count);
                        Add(Pair(symbols[kept - 1], joined), count, word, grown);
                    }

                    if (i + 2 < length)
                    {
                        Add(Pair(right, symbols[i + 2]), -count);
                        Add(Pair(joined, symbols[i + 2]), count, word, grown);
                    }

                    symbols[kept++] = joined;
                    i++;
                }

                _lengths[word] = kept;
            }

            _pairCounts.Remove(pair);
            foreach (var changed in grown)
            {
                _queue.Enqueue(changed, (-_pairCounts.GetValueOrDefault(changed), changed));
            }
        }

        private static ulong Pair(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

        private void Add(ulong pair, long count) =>
            CollectionsMarshal.GetValueRefOrAddDefault(_pairCounts, pair, out _) += count;

        /// <summary>Adds to a pair's count, enters the word in its index and notes the pair.</summary>
        private void Add(ulong pair, long count, int word, HashSet<ulong>? grown)
        {
            Add(pair, count);
            grown?.Add(pair);
            ref var words = ref CollectionsMarshal.GetValueRefOrAddDefault(_wordsOfPair, pair, out _);
            words ??= [];
            if (words.Count == 0 || words[^1] != word)
            {
                words.Add(word);
            }
        }
    }
}
