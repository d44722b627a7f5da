using System.Runtime.InteropServices;

namespace Rlhf.Modeling.Tokenization.Models;

/// <summary>
/// A cache from words to their ids with a fixed number of places: a word can be in two of them, and a new word takes the place of one
/// that is there. Safe without locks: entries never change, and a place is one reference. At most about 40 MiB, in ordinary text under ten.
/// </summary>
internal sealed class WordCache
{
    /// <summary>Longer words are rare and would make the memory large.</summary>
    public const int MaxLength = 32;

    private const int Sets = 1 << 15;

    private readonly Entry?[] _places = new Entry?[2 * Sets];

    /// <summary>The ids of a word, or null.</summary>
    public int[]? Find(ReadOnlySpan<char> word, out uint hash)
    {
        hash = Hash(word);
        var place = (int)(hash & (Sets - 1)) * 2;
        return _places[place] is { } first && first.Hash == hash && word.SequenceEqual(first.Word) ? first.Ids
            : _places[place + 1] is { } second && second.Hash == hash && word.SequenceEqual(second.Word) ? second.Ids
            : null;
    }

    /// <summary>Enters a word with its hash from <see cref="Find"/>; the older of two in its place goes.</summary>
    public void Add(ReadOnlySpan<char> word, uint hash, int[] ids)
    {
        var place = (int)(hash & (Sets - 1)) * 2;
        Volatile.Write(ref _places[place + 1], _places[place]);
        Volatile.Write(ref _places[place], new Entry(word.ToString(), hash, ids));
    }

    private static uint Hash(ReadOnlySpan<char> word)
    {
        const ulong Multiplier = 0x9E3779B97F4A7C15;
        var hash = (ulong)word.Length * Multiplier;
        while (word.Length >= 4)
        {
            hash = ulong.RotateLeft((hash ^ MemoryMarshal.Read<ulong>(MemoryMarshal.AsBytes(word))) * Multiplier, 29);
            word = word[4..];
        }

        foreach (var unit in word)
        {
            hash = ulong.RotateLeft((hash ^ unit) * Multiplier, 29);
        }

        return (uint)((hash * Multiplier) >> 32);
    }

    private sealed record Entry(string Word, uint Hash, int[] Ids);
}
