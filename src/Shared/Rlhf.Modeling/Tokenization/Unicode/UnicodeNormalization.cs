using System.Collections;
using System.Text;

namespace Rlhf.Modeling.Tokenization.Unicode;

/// <summary>One of the four normalization forms of Unicode Standard Annex 15, in time linear in the text (n log n in one run of marks).</summary>
internal sealed class UnicodeNormalization
{
    private readonly bool _compose;
    private readonly bool _compatible;
    private readonly BitArray _unstable;

    private UnicodeNormalization(bool compose, bool compatible)
    {
        _compose = compose;
        _compatible = compatible;
        _unstable = NormalizationData.Unstable(compose, compatible);
    }

    public static UnicodeNormalization Nfc => Forms.Nfc;

    public static UnicodeNormalization Nfd => Forms.Nfd;

    public static UnicodeNormalization Nfkc => Forms.Nfkc;

    public static UnicodeNormalization Nfkd => Forms.Nfkd;

    /// <summary>The normalized text; every character of a changed part comes from the whole part.</summary>
    public AlignedText Apply(AlignedText input)
    {
        // U+00A0 is the first character with a decomposition; NFC leaves everything below U+0300 alone.
        var text = input.Text;
        var i = text.AsSpan().IndexOfAnyExceptInRange('\0', _compose && !_compatible ? '\u02FF' : '\u009F');
        if (i < 0 || NextUnstable(text, i) is var first && first == text.Length)
        {
            return input;
        }

        var output = new AlignedTextBuilder(input);
        var points = new List<int>();
        var copied = 0;
        while (first < text.Length)
        {
            // A changed part is a run of unstable characters with the stable one before it, to which they may belong.
            var start = first;
            if (start > copied)
            {
                start -= start - 1 > copied && char.IsLowSurrogate(text[start - 1]) ? 2 : 1;
            }

            var end = NextStable(text, first);
            output.Copy(copied, start - copied);
            points.Clear();
            foreach (var rune in text.AsSpan(start, end - start).EnumerateRunes())
            {
                NormalizationData.Decompose(rune.Value, _compatible, points);
            }

            Reorder(points);
            if (_compose)
            {
                Compose(points);
            }

            output.Replace(ToText(points), start, end - start);
            copied = end;
            first = NextUnstable(text, end);
        }

        output.Copy(copied, text.Length - copied);
        return output.Build();
    }

    private int NextUnstable(string text, int from) => Find(text, from, unstable: true);

    private int NextStable(string text, int from) => Find(text, from, unstable: false);

    private int Find(string text, int from, bool unstable)
    {
        while (from < text.Length)
        {
            Rune.DecodeFromUtf16(text.AsSpan(from), out var rune, out var width);
            if (_unstable[rune.Value] == unstable)
            {
                break;
            }

            from += width;
        }

        return from;
    }

    /// <summary>The canonical ordering algorithm: marks in a row by combining class, equal classes in their order.</summary>
    private static void Reorder(List<int> points)
    {
        for (var start = 0; start < points.Count;)
        {
            var end = start;
            while (end < points.Count && NormalizationData.ClassOf(points[end]) > 0)
            {
                end++;
            }

            if (end - start > 1)
            {
                var sorted = points.GetRange(start, end - start).OrderBy(NormalizationData.ClassOf).ToList();
                for (var i = 0; i < sorted.Count; i++)
                {
                    points[start + i] = sorted[i];
                }
            }

            start = end + 1;
        }
    }

    /// <summary>The canonical composition algorithm: a character joins the last starter unless one of at least its class stands between.</summary>
    private static void Compose(List<int> points)
    {
        var kept = 0;
        var starter = -1;
        var lastClass = 0;
        for (var i = 0; i < points.Count; i++)
        {
            var point = points[i];
            var pointClass = NormalizationData.ClassOf(point);
            var adjacent = starter == kept - 1;
            if (starter >= 0
                && (adjacent || (lastClass != 0 && lastClass < pointClass))
                && NormalizationData.Compose(points[starter], point) is var composed and >= 0)
            {
                points[starter] = composed;
                continue;
            }

            if (pointClass == 0)
            {
                starter = kept;
            }

            lastClass = pointClass;
            points[kept++] = point;
        }

        points.RemoveRange(kept, points.Count - kept);
    }

    private static string ToText(List<int> points)
    {
        var text = new StringBuilder(points.Count);
        Span<char> units = stackalloc char[2];
        foreach (var point in points)
        {
            text.Append(units[..new Rune(point).EncodeToUtf16(units)]);
        }

        return text.ToString();
    }

    // Built when first used: a process that needs only one form does not build four tables.
    private static class Forms
    {
        private static readonly Lazy<UnicodeNormalization> LazyNfc = new(() => new(compose: true, compatible: false));
        private static readonly Lazy<UnicodeNormalization> LazyNfd = new(() => new(compose: false, compatible: false));
        private static readonly Lazy<UnicodeNormalization> LazyNfkc = new(() => new(compose: true, compatible: true));
        private static readonly Lazy<UnicodeNormalization> LazyNfkd = new(() => new(compose: false, compatible: true));

        public static UnicodeNormalization Nfc => LazyNfc.Value;

        public static UnicodeNormalization Nfd => LazyNfd.Value;

        public static UnicodeNormalization Nfkc => LazyNfkc.Value;

        public static UnicodeNormalization Nfkd => LazyNfkd.Value;
    }
}
