namespace Rlhf.Datasets.Cleaning;

/// <summary>What a corpus is cleaned of. Defaults are those of published corpora, as each summary says.</summary>
public sealed record CleaningConfig
{
    /// <summary>Seed of the hash functions. Default 1.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>A text with fewer words is dropped. Default 50 (Gopher: Rae et al. 2021, table A1).</summary>
    public int MinWords { get; init; } = 50;

    /// <summary>A text with more words is dropped. Default 100,000 (Gopher).</summary>
    public int MaxWords { get; init; } = 100_000;

    /// <summary>Texts of other languages are dropped (<see cref="LanguageGuess"/>); empty: all stay. Default empty.</summary>
    public IReadOnlyList<string> Languages { get; init; } = [];

    /// <summary>
    /// The least estimated Jaccard similarity of word n-grams at which a text is a near duplicate of an earlier one; 1 looks for exact ones only.
    /// Default 0.75: FineWeb's aim (Penedo et al. 2024, section 3.4).
    /// </summary>
    public double Similarity { get; init; } = 0.75;

    /// <summary>Words of an n-gram. Default 5 (FineWeb).</summary>
    public int Ngram { get; init; } = 5;

    /// <summary>Bands of the signature: texts that agree in one whole band are compared. Default 14 (FineWeb).</summary>
    public int Bands { get; init; } = 14;

    /// <summary>Hashes of a band; a pair of similarity s becomes a candidate with probability 1 − (1 − s^rows)^bands. Default 8 (FineWeb).</summary>
    public int Rows { get; init; } = 8;

    /// <summary>All faults; empty for a legal configuration.</summary>
    public IReadOnlyList<string> Validate()
    {
        var faults = new List<string>();
        Require(MinWords >= 0, $"min-words is {MinWords}; it must not be negative.");
        Require(MaxWords >= Math.Max(1, MinWords), $"max-words is {MaxWords}; it must be positive and not below min-words ({MinWords}).");
        Require(Similarity is > 0 and <= 1, $"similarity is {Similarity}; it must lie in (0, 1].");
        Require(Ngram is >= 1 and <= 100, $"ngram is {Ngram}; it must lie in [1, 100].");
        Require(Bands is >= 1 and <= 1000, $"bands is {Bands}; it must lie in [1, 1000].");
        Require(Rows is >= 1 and <= 100, $"rows is {Rows}; it must lie in [1, 100].");
        faults.AddRange(Languages.Except(LanguageGuess.Known).Select(l => $"language is \"{l}\"; known are {string.Join(", ", LanguageGuess.Known)}."));
        return faults;

        void Require(bool holds, string fault)
        {
            if (!holds)
            {
                faults.Add(fault);
            }
        }
    }
}
