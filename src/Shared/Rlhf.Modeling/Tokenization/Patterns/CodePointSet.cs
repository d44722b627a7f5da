namespace Rlhf.Modeling.Tokenization.Patterns;

/// <summary>A set of code points as ranges in order, none touching the next. Surrogates belong to no set.</summary>
internal sealed class CodePointSet
{
    private readonly (int First, int Last)[] _ranges;

    private CodePointSet((int First, int Last)[] ranges) => _ranges = ranges;

    /// <summary>Every code point but the surrogates.</summary>
    public static CodePointSet All { get; } = new([(0, 0xD7FF), (0xE000, 0x10FFFF)]);

    public IReadOnlyList<(int First, int Last)> Ranges => _ranges;

    public static CodePointSet Of(IEnumerable<(int First, int Last)> ranges)
    {
        var merged = new List<(int First, int Last)>();
        foreach (var (first, last) in ranges.OrderBy(range => range.First))
        {
            if (merged.Count > 0 && first <= merged[^1].Last + 1)
            {
                merged[^1] = (merged[^1].First, Math.Max(merged[^1].Last, last));
            }
            else
            {
                merged.Add((first, last));
            }
        }

        return new CodePointSet([.. merged]).Without(0xD800, 0xDFFF);
    }

    public static CodePointSet Of(int point) => Of([(point, point)]);

    public static CodePointSet Union(params IEnumerable<CodePointSet> sets) => Of(sets.SelectMany(set => set._ranges));

    public CodePointSet Complement()
    {
        var gaps = new List<(int, int)>();
        var next = 0;
        foreach (var (first, last) in _ranges)
        {
            if (first > next)
            {
                gaps.Add((next, first - 1));
            }

            next = last + 1;
        }

        if (next <= 0x10FFFF)
        {
            gaps.Add((next, 0x10FFFF));
        }

        return Of(gaps);
    }

    public CodePointSet Intersect(CodePointSet other) => Union(Complement(), other.Complement()).Complement();

    public bool Contains(int point)
    {
        int low = 0, high = _ranges.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (point < _ranges[middle].First)
            {
                high = middle - 1;
            }
            else if (point > _ranges[middle].Last)
            {
                low = middle + 1;
            }
            else
            {
                return true;
            }
        }

        return false;
    }

    private CodePointSet Without(int first, int last)
    {
        var kept = new List<(int, int)>();
        foreach (var range in _ranges)
        {
            if (range.First < first)
            {
                kept.Add((range.First, Math.Min(range.Last, first - 1)));
            }

            if (range.Last > last)
            {
                kept.Add((Math.Max(range.First, last + 1), range.Last));
            }
        }

        return new CodePointSet([.. kept]);
    }
}
