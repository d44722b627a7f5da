using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Rlhf.Datasets;

/// <summary>Divides rows into train and test by their prompt, so that two answers to one prompt never lie on both sides.</summary>
public static class DatasetSplit
{
    /// <summary>Whether a prompt belongs to the test part.</summary>
    /// <param name="prompt">The prompt, normalised before it is hashed: lower case, every run of white space one space, none at the ends.</param>
    /// <param name="testSize">The share of prompts of the test part, in [0, 1]. A larger share holds a superset.</param>
    /// <param name="seed">Another seed divides otherwise.</param>
    /// <remarks>The first eight bytes of SHA-256 over the seed (eight bytes, little-endian) and the UTF-8 text, as a fraction of 2⁶⁴, lie below the share.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">If the share is outside [0, 1].</exception>
    public static bool IsTest(string prompt, double testSize, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        if (!(testSize is >= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(testSize), testSize, "The share must lie in [0, 1].");
        }

        var text = Encoding.UTF8.GetBytes(Normalise(prompt));
        var input = new byte[sizeof(ulong) + text.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(input, seed);
        text.CopyTo(input, sizeof(ulong));
        var hash = BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(input));

        // 53 bits are what a double holds exactly, so a share of 1 takes everything and 0 nothing.
        return (hash >> 11) * (1.0 / (1UL << 53)) < testSize;
    }

    /// <summary>The rows of both parts, each in the file's order.</summary>
    /// <param name="rows">The rows; <see cref="DatasetRow.SplitKey"/> is hashed.</param>
    /// <param name="testSize">As in <see cref="IsTest"/>.</param>
    /// <param name="seed">As in <see cref="IsTest"/>.</param>
    public static (IReadOnlyList<DatasetRow> Train, IReadOnlyList<DatasetRow> Test) Of(IEnumerable<DatasetRow> rows, double testSize, ulong seed)
    {
        var parts = rows.ToLookup(row => IsTest(row.SplitKey, testSize, seed));
        return ([.. parts[false]], [.. parts[true]]);
    }

    /// <summary>The first rows of a file for training and the rest for the test, but for rows of the rest whose prompt the first ones have: they are for training, too.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="count">How many rows come first.</param>
    public static (IReadOnlyList<DatasetRow> Train, IReadOnlyList<DatasetRow> Test) First(IReadOnlyList<DatasetRow> rows, int count)
    {
        var seen = rows.Take(count).Select(row => Normalise(row.SplitKey)).ToHashSet(StringComparer.Ordinal);
        var rest = rows.Skip(count).ToLookup(row => seen.Contains(Normalise(row.SplitKey)));
        return ([.. rows.Take(count), .. rest[true]], [.. rest[false]]);
    }

    internal static string Normalise(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var character in text)
        {
            if (!char.IsWhiteSpace(character))
            {
                result.Append(char.ToLowerInvariant(character));
            }
            else if (result.Length > 0 && result[^1] != ' ')
            {
                result.Append(' ');
            }
        }

        return result.ToString().TrimEnd(' ');
    }
}
