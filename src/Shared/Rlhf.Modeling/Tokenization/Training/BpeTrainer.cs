using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;
using Rlhf.Modeling.Tokenization.PreTokenizers;
using Rlhf.Modeling.Tokenization.Training;

namespace Rlhf.Modeling.Tokenization;

/// <summary>
/// Trains a byte-level BPE vocabulary (Sennrich et al. 2016; byte-level as in GPT-2) and writes it in the Hugging Face format. Words are counted on
/// several threads; pair counts are kept over the different words and updated only where a merge changes them. The result depends on the
/// words and their counts alone, not on the order of the texts or the number of threads.
/// </summary>
public static class BpeTrainer
{
    private const int ProgressEvery = 256;

    /// <summary>
    /// Learns a tokenizer. Ids: special tokens in the given order, then the 256 bytes, then the merges by rank. The begin-of-text,
    /// end-of-text and padding tokens are the special tokens with a usual name (such as <c>&lt;s&gt;</c>, <c>&lt;/s&gt;</c> or
    /// <c>&lt;|endoftext|&gt;</c>, <c>&lt;pad&gt;</c>); no token is put around encoded texts.
    /// </summary>
    /// <param name="texts">The corpus, read once.</param>
    /// <param name="vocabSize">The wanted number of ids; fewer result if no pair is left that occurs at least twice.</param>
    /// <param name="specialTokens">Texts that are one id each and never part of a word.</param>
    /// <exception cref="ArgumentException">If a special token is empty or given twice, or the vocabulary has no room for them and the 256 bytes.</exception>
    public static Tokenizer Train(IEnumerable<string> texts, int vocabSize, IReadOnlyList<string> specialTokens)
    {
        ArgumentNullException.ThrowIfNull(specialTokens);
        return Train(texts, new BpeTrainerOptions { VocabSize = vocabSize, SpecialTokens = specialTokens });
    }

    /// <summary>Learns a tokenizer; ids and named tokens as in <see cref="Train(IEnumerable{string}, int, IReadOnlyList{string})"/>.</summary>
    /// <param name="texts">The corpus, read once, by one thread.</param>
    /// <param name="options">What to learn.</param>
    /// <param name="progress">Told now and then how far it is; null for nobody. Called from the training's own threads, one at a time.</param>
    /// <param name="stop">Ends the training early, without a tokenizer.</param>
    /// <exception cref="ArgumentException">If the options cannot be used; the message has all faults.</exception>
    public static Tokenizer Train(IEnumerable<string> texts, BpeTrainerOptions options, Action<BpeTrainingProgress>? progress = null, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentNullException.ThrowIfNull(options);
        if (options.Validate() is { Count: > 0 } faults)
        {
            throw new ArgumentException(string.Join("; ", faults), nameof(options));
        }

        var tokens = new List<string>(options.SpecialTokens);
        var byteIds = new int[256];
        foreach (var value in Enumerable.Range(0, 256).OrderBy(value => ByteLevelAlphabet.ToChar((byte)value)))
        {
            byteIds[value] = tokens.Count;
            tokens.Add(ByteLevelAlphabet.ToChar((byte)value).ToString());
        }

        var (words, characters) = CountWords(texts, options, progress, stop);
        var pairs = new PairCounts([.. words.Select(word => (Encoding.UTF8.GetBytes(word.Key), word.Value))], byteIds);
        var merges = Learn(pairs, tokens, options, size => progress?.Invoke(new BpeTrainingProgress(characters, words.Count, size)), stop);
        return Tokenizer.Parse(TrainedTokenizerFiles.Create(tokens, merges, options.SpecialTokens, options.Pattern));
    }

    /// <summary>The different words with their counts: every thread counts some of the texts, and the counts are added up.</summary>
    private static (Dictionary<string, long> Words, long Characters) CountWords(
        IEnumerable<string> texts, BpeTrainerOptions options, Action<BpeTrainingProgress>? progress, CancellationToken stop)
    {
        var scanner = SplitPatterns.Find(options.Pattern)!;
        var finder = new AddedTokenFinder(options.SpecialTokens.Select((content, id) =>
            (content, new AddedToken(id, content, Special: true, SingleWord: false, LeftStrip: false, RightStrip: false, Normalized: false))));
        var total = new Dictionary<string, long>(StringComparer.Ordinal);
        var characters = 0L;
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = options.MaxDegreeOfParallelism, CancellationToken = stop };
        Parallel.ForEach(
            Partitioner.Create(texts, EnumerablePartitionerOptions.None),
            parallel,
            () => (Words: new Dictionary<string, long>(StringComparer.Ordinal), Characters: 0L, Texts: 0L),
            (text, _, local) =>
            {
                Count(text, finder, scanner, local.Words);
                local.Characters += text.Length;
                if (++local.Texts % ProgressEvery == 0 && progress is not null)
                {
                    lock (total)
                    {
                        characters += local.Characters;
                        progress(new BpeTrainingProgress(characters, 0, 0));
                    }

                    local.Characters = 0;
                }

                return local;
            },
            local =>
            {
                lock (total)
                {
                    characters += local.Characters;
                    foreach (var (word, count) in local.Words)
                    {
                        CollectionsMarshal.GetValueRefOrAddDefault(total, word, out _) += count;
                    }
                }
            });
        return (total, characters);
    }

    private static void Count(string text, AddedTokenFinder finder, WordEnd scanner, Dictionary<string, long> words)
    {
        var bySpan = words.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var (from, to, token) in finder.Split(text, 0, text.Length))
        {
            if (token is not null)
            {
                continue;
            }

            var part = text.AsSpan(from, to - from);
            for (var start = 0; start < part.Length;)
            {
                var end = scanner(part, start);
                CollectionsMarshal.GetValueRefOrAddDefault(bySpan, part[start..end], out _)++;
                start = end;
            }
        }
    }

    private static List<(int Left, int Right)> Learn(PairCounts pairs, List<string> tokens, BpeTrainerOptions options, Action<int> progress, CancellationToken stop)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var id = 0; id < tokens.Count; id++)
        {
            ids[tokens[id]] = id;
        }

        var merges = new List<(int, int)>();
        while (tokens.Count < options.VocabSize && pairs.TryTakeMostFrequent(options.MinFrequency, out var left, out var right))
        {
            stop.ThrowIfCancellationRequested();

            // "ab"+"c" and "a"+"bc" join to the same token: it has one id and two merges.
            var joined = tokens[left] + tokens[right];
            if (!ids.TryGetValue(joined, out var id))
            {
                id = tokens.Count;
                ids.Add(joined, id);
                tokens.Add(joined);
            }

            merges.Add((left, right));
            pairs.Merge(left, right, id);
            if (merges.Count % ProgressEvery == 0)
            {
                progress(tokens.Count);
            }
        }

        progress(tokens.Count);
        return merges;
    }
}
