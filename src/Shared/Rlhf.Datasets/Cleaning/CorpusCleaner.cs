using System.Security.Cryptography;
using System.Text;

namespace Rlhf.Datasets.Cleaning;

/// <summary>Why a text was dropped.</summary>
public enum DropReason
{
    /// <summary>Fewer words than the least.</summary>
    TooShort,

    /// <summary>More words than the most.</summary>
    TooLong,

    /// <summary>Not of a wanted language.</summary>
    Language,

    /// <summary>The same text as an earlier one, up to case and white space.</summary>
    ExactDuplicate,

    /// <summary>Almost the same text as an earlier one.</summary>
    NearDuplicate,
}

/// <summary>A dropped text.</summary>
/// <param name="Source">The file.</param>
/// <param name="Line">The line it begins at.</param>
/// <param name="Reason">Why.</param>
/// <param name="Detail">The number of words, the language, or which text it repeats.</param>
public sealed record DroppedText(string Source, int Line, DropReason Reason, string Detail);

/// <summary>
/// Decides text by text which of a corpus stay; the first of several duplicates does. The same texts in the same order give the same decisions.
/// Memory grows with the texts that stay: 32 bytes and, for near duplicates, 4·bands·rows bytes and a few references each.
/// </summary>
public sealed class CorpusCleaner
{
    private readonly CleaningConfig _config;
    private readonly MinHash _minHash;
    private readonly Dictionary<string, string> _exact = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<int>>[] _bands;
    private readonly List<(string Place, uint[] Signature)> _kept = [];
    private readonly List<DroppedText> _dropped = [];

    /// <summary>Begins with an empty corpus.</summary>
    /// <exception cref="ArgumentException">If the configuration has faults; all are listed.</exception>
    public CorpusCleaner(CleaningConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (config.Validate() is { Count: > 0 } faults)
        {
            throw new ArgumentException(string.Join("\n", faults), nameof(config));
        }

        _config = config;
        _minHash = new MinHash(config.Ngram, config.Bands * config.Rows, config.Seed);
        _bands = [.. Enumerable.Range(0, config.Bands).Select(_ => new Dictionary<string, List<int>>(StringComparer.Ordinal))];
    }

    /// <summary>Texts that stay.</summary>
    public int Kept { get; private set; }

    /// <summary>Their characters.</summary>
    public long KeptCharacters { get; private set; }

    /// <summary>Characters of all texts.</summary>
    public long Characters { get; private set; }

    /// <summary>The dropped texts, in order.</summary>
    public IReadOnlyList<DroppedText> Dropped => _dropped;

    /// <summary>Whether the next text stays.</summary>
    /// <param name="text">The text.</param>
    /// <param name="source">The file it is from.</param>
    /// <param name="line">The line it begins at.</param>
    public bool Keep(string text, string source, int line)
    {
        ArgumentNullException.ThrowIfNull(text);
        Characters += text.Length;
        var words = Words.Of(text);
        if (words.Count < _config.MinWords || words.Count > _config.MaxWords)
        {
            return Drop(words.Count < _config.MinWords ? DropReason.TooShort : DropReason.TooLong, $"{words.Count} words");
        }

        if (_config.Languages.Count > 0 && LanguageGuess.Of(text) is var language && !_config.Languages.Contains(language))
        {
            return Drop(DropReason.Language, language);
        }

        var place = $"{source}:{line}";
        var hash = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(DatasetSplit.Normalise(text))));
        if (!_exact.TryAdd(hash, place))
        {
            return Drop(DropReason.ExactDuplicate, _exact[hash]);
        }

        if (_config.Similarity < 1 && NearDuplicateOf(words, place) is { } near)
        {
            return Drop(DropReason.NearDuplicate, near);
        }

        Kept++;
        KeptCharacters += text.Length;
        return true;

        bool Drop(DropReason reason, string detail)
        {
            _dropped.Add(new DroppedText(source, line, reason, detail));
            return false;
        }
    }

    // The most similar earlier text that agrees in a band and is similar enough; else the text is entered.
    private string? NearDuplicateOf(List<string> words, string place)
    {
        var signature = _minHash.Signature(words);
        var keys = signature.Chunk(_config.Rows).Select(band => Convert.ToBase64String(System.Runtime.InteropServices.MemoryMarshal.AsBytes(band.AsSpan()))).ToArray();
        var best = keys.SelectMany((key, band) => _bands[band].GetValueOrDefault(key) ?? [])
            .Distinct()
            .Select(i => (Index: i, Similarity: Similarity(signature, _kept[i].Signature)))
            .Where(c => c.Similarity >= _config.Similarity)
            .OrderByDescending(c => c.Similarity)
            .ThenBy(c => c.Index)
            .Select(c => ((int Index, double Similarity)?)c)
            .FirstOrDefault();
        if (best is { } found)
        {
            return FormattableString.Invariant($"{_kept[found.Index].Place}, similarity {found.Similarity:F2}");
        }

        for (var band = 0; band < keys.Length; band++)
        {
            if (!_bands[band].TryGetValue(keys[band], out var members))
            {
                _bands[band].Add(keys[band], members = []);
            }

            members.Add(_kept.Count);
        }

        _kept.Add((place, signature));
        return null;
    }

    private static double Similarity(uint[] a, uint[] b)
    {
        var equal = 0;
        for (var i = 0; i < a.Length; i++)
        {
            equal += a[i] == b[i] ? 1 : 0;
        }

        return (double)equal / a.Length;
    }
}
