using Rlhf.Numerics;

namespace Rlhf.Datasets.Cleaning;

/// <summary>
/// MinHash signatures (Broder 1997) of word n-grams: the share of equal entries of two signatures estimates the Jaccard similarity of the n-gram
/// sets, with a standard deviation of √(s(1 − s) / entries).
/// </summary>
internal sealed class MinHash
{
    private const ulong Prime = (1UL << 61) - 1;
    private const ulong CoefficientStream = 0x4d48;

    private readonly int _ngram;
    private readonly (ulong A, ulong B)[] _functions;

    /// <param name="ngram">Words of an n-gram.</param>
    /// <param name="entries">Entries of a signature.</param>
    /// <param name="seed">Decides the hash functions x ↦ (a·x + b) mod (2⁶¹ − 1).</param>
    public MinHash(int ngram, int entries, ulong seed)
    {
        _ngram = ngram;
        var random = new Philox(seed, CoefficientStream);
        _functions = [.. Enumerable.Range(0, entries).Select(_ => (1 + (random.NextUInt64() % (Prime - 1)), random.NextUInt64() % Prime))];
    }

    /// <summary>The signature of a text; one with fewer words than an n-gram has is one n-gram.</summary>
    public uint[] Signature(List<string> words)
    {
        var least = new ulong[_functions.Length];
        Array.Fill(least, ulong.MaxValue);
        for (var start = 0; start == 0 || start + _ngram <= words.Count; start++)
        {
            var x = Hash(words, start, Math.Min(_ngram, words.Count - start)) % Prime;
            for (var i = 0; i < least.Length; i++)
            {
                var product = ((UInt128)_functions[i].A * x) + _functions[i].B;
                var folded = (ulong)(product & Prime) + (ulong)(product >> 61);
                least[i] = Math.Min(least[i], folded >= Prime ? folded - Prime : folded);
            }
        }

        return [.. least.Select(value => (uint)value)];
    }

    // FNV-1a over the words' UTF-16 units and a separator, then mixed (splitmix64's finaliser), as FNV's upper bits are weak.
    private static ulong Hash(List<string> words, int start, int count)
    {
        var hash = 0xcbf29ce484222325UL;
        for (var i = start; i < start + count; i++)
        {
            foreach (var unit in words[i])
            {
                hash = (hash ^ unit) * 0x100000001b3UL;
            }

            hash = (hash ^ 0x1fUL) * 0x100000001b3UL;
        }

        hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9UL;
        hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebUL;
        return hash ^ (hash >> 31);
    }
}
