using System.Collections;
using System.Globalization;
using System.Text;

namespace Rlhf.Modeling.Tokenization.Unicode;

/// <summary>
/// Combining classes, decompositions and compositions of the Unicode Character Database, from the embedded normalization.txt.
/// <see cref="string.Normalize(NormalizationForm)"/> cannot be used: with InvariantGlobalization it returns non-ASCII text unchanged.
/// </summary>
internal static class NormalizationData
{
    private const int HangulFirst = 0xAC00, HangulLast = 0xD7A3, HangulVowels = 0x1161, HangulTrails = 0x11A8;

    private static readonly Dictionary<int, byte> Classes = [];
    private static readonly Dictionary<int, int[]> Canonical = [];
    private static readonly Dictionary<int, int[]> Compatible = [];
    private static readonly Dictionary<(int First, int Second), int> Pairs = [];

    static NormalizationData()
    {
        var compositions = new List<(int Composed, int[] Parts)>();
        using var stream = typeof(NormalizationData).Assembly.GetManifestResourceStream("Rlhf.Modeling.normalization.txt")!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        while (reader.ReadLine() is { } line)
        {
            var fields = line.Split(' ');
            switch (fields[0])
            {
                case "c":
                    var range = fields[1].Split("..");
                    for (var point = Hex(range[0]); point <= Hex(range[1]); point++)
                    {
                        Classes[point] = byte.Parse(fields[2], CultureInfo.InvariantCulture);
                    }

                    break;
                case "=" or ">":
                    Canonical[Hex(fields[1])] = [.. fields[2..].Select(Hex)];
                    if (fields[0] == "=")
                    {
                        compositions.Add((Hex(fields[1]), Canonical[Hex(fields[1])]));
                    }

                    break;
                case "k":
                    Compatible[Hex(fields[1])] = [.. fields[2..].Select(Hex)];
                    break;
            }
        }

        // The file has full decompositions; a composition joins what all but the last part compose to with the last part.
        foreach (var (composed, parts) in compositions.OrderBy(entry => entry.Parts.Length))
        {
            var first = parts[0];
            foreach (var part in parts[1..^1])
            {
                first = Pairs[(first, part)];
            }

            Pairs[(first, parts[^1])] = composed;
        }
    }

    /// <summary>The canonical combining class; 0 for a starter.</summary>
    public static byte ClassOf(int point) => Classes.GetValueOrDefault(point);

    /// <summary>Appends the full decomposition of a code point.</summary>
    public static void Decompose(int point, bool compatible, List<int> output)
    {
        if (point is >= HangulFirst and <= HangulLast)
        {
            var index = point - HangulFirst;
            output.Add(0x1100 + (index / 588));
            output.Add(HangulVowels + (index % 588 / 28));
            if (index % 28 > 0)
            {
                output.Add(HangulTrails - 1 + (index % 28));
            }
        }
        else if ((compatible && Compatible.TryGetValue(point, out var parts)) || Canonical.TryGetValue(point, out parts))
        {
            output.AddRange(parts);
        }
        else
        {
            output.Add(point);
        }
    }

    /// <summary>The primary composite of two code points, or -1.</summary>
    public static int Compose(int first, int second)
    {
        if (first is >= 0x1100 and < 0x1113 && second is >= HangulVowels and < 0x1176)
        {
            return HangulFirst + ((((first - 0x1100) * 21) + second - HangulVowels) * 28);
        }

        if (first is >= HangulFirst and <= HangulLast && (first - HangulFirst) % 28 == 0 && second is >= HangulTrails and < 0x11C3)
        {
            return first + second - HangulTrails + 1;
        }

        return Pairs.GetValueOrDefault((first, second), -1);
    }

    /// <summary>A bit for every code point that the form may change, move or join to the character before it.</summary>
    public static BitArray Unstable(bool compose, bool compatible)
    {
        var unstable = new BitArray(0x110000);
        foreach (var point in Classes.Keys)
        {
            unstable[point] = true;
        }

        foreach (var (point, _) in Canonical.Where(entry => !compose || !Composes(entry.Key, entry.Value)))
        {
            unstable[point] = true;
        }

        foreach (var point in Compatible.Keys.Where(_ => compatible))
        {
            unstable[point] = true;
        }

        foreach (var (_, second) in Pairs.Keys.Where(_ => compose))
        {
            unstable[second] = true;
        }

        for (var point = compose ? HangulVowels : HangulFirst; point <= (compose ? 0x11C2 : HangulLast); point++)
        {
            unstable[point] = true;
        }

        return unstable;

        static bool Composes(int point, int[] parts) =>
            parts.Length > 1 && Pairs.GetValueOrDefault((parts[..^1].Aggregate((a, b) => Pairs.GetValueOrDefault((a, b), -1)), parts[^1]), -1) == point;
    }

    private static int Hex(string digits) => int.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
