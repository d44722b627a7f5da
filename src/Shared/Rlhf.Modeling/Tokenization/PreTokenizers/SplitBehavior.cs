namespace Rlhf.Modeling.Tokenization.PreTokenizers;

/// <summary>What becomes of the matches of a split pattern (<c>SplitDelimiterBehavior</c> of the reference library).</summary>
internal enum SplitBehavior
{
    Removed,
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}

internal static class SplitBehaviors
{
    /// <summary>Cuts a text of some length at its matches.</summary>
    public static void Cut(int length, List<(int Start, int End)> matches, SplitBehavior behavior, bool invert, List<(int Start, int End)> parts)
    {
        var all = new List<(int Start, int End, bool Match)>((2 * matches.Count) + 1);
        var last = 0;
        foreach (var (start, end) in matches)
        {
            if (start > last)
            {
                all.Add((last, start, invert));
            }

            all.Add((start, end, !invert));
            last = end;
        }

        if (last < length)
        {
            all.Add((last, length, invert));
        }

        var previousMatch = false;
        switch (behavior)
        {
            case SplitBehavior.Removed:
                parts.AddRange(all.Where(part => !part.Match).Select(part => (part.Start, part.End)));
                break;
            case SplitBehavior.Isolated:
                parts.AddRange(all.Select(part => (part.Start, part.End)));
                break;
            case SplitBehavior.Contiguous:
                foreach (var (start, end, match) in all)
                {
                    Append(start, end, join: match == previousMatch);
                    previousMatch = match;
                }

                break;
            case SplitBehavior.MergedWithPrevious:
                foreach (var (start, end, match) in all)
                {
                    Append(start, end, join: match && !previousMatch);
                    previousMatch = match;
                }

                break;
            case SplitBehavior.MergedWithNext:
                var first = parts.Count;
                for (var i = all.Count - 1; i >= 0; i--)
                {
                    var (start, end, match) = all[i];
                    if (match && !previousMatch && parts.Count > first)
                    {
                        parts[^1] = (start, parts[^1].End);
                    }
                    else
                    {
                        parts.Add((start, end));
                    }

                    previousMatch = match;
                }

                parts.Reverse(first, parts.Count - first);
                break;
        }

        void Append(int start, int end, bool join)
        {
            if (join && parts.Count > 0)
            {
                parts[^1] = (parts[^1].Start, end);
            }
            else
            {
                parts.Add((start, end));
            }
        }
    }
}
