using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Rlhf.Modeling.Tokenization.Patterns;

/// <summary>
/// A <c>pattern</c> of tokenizer.json: a literal string, or a regular expression over code points. .NET matches UTF-16 units, hence each
/// character beyond the basic plane is first replaced by one stand-in: a surrogate unit that stands for all such characters which
/// the pattern cannot tell apart. No well-formed text holds single surrogates, so a stand-in cannot be taken for anything else.
/// </summary>
internal sealed class TextPattern
{
    private const int StandIns = 0xD800, MaxStandIns = 0x800;

    /// <summary>A pattern that takes longer for one text than this is given up.</summary>
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private readonly string? _literal;
    private readonly Regex? _regex;
    private readonly int[] _starts = [];
    private readonly char[] _standIns = [];

    private TextPattern(string literal) => _literal = literal;

    private TextPattern(string pattern, PatternTranslator translated)
    {
        var sets = translated.Pieces.OfType<CodePointSet>().Distinct().ToArray();
        (_starts, _standIns, var membersOf) = Partition(sets);
        var output = new StringBuilder();
        foreach (var piece in translated.Pieces)
        {
            if (piece is CodePointSet set)
            {
                AppendClass(output, set, membersOf[set]);
            }
            else
            {
                output.Append((string)piece);
            }
        }

        _regex = Build(output.ToString(), translated.NeedsBacktracking, pattern);
    }

    /// <summary>Reads <c>{"String": ...}</c> or <c>{"Regex": ...}</c>.</summary>
    public static TextPattern Parse(JsonElement element, string at)
    {
        var literal = TokenizerJson.Child(element, "String");
        if (literal.ValueKind == JsonValueKind.String)
        {
            return literal.GetString() is { Length: > 0 } text ? new TextPattern(text) : throw new InvalidDataException($"{at}.String must not be empty");
        }

        var regex = TokenizerJson.Child(element, "Regex");
        return regex.ValueKind == JsonValueKind.String
            ? FromRegex(regex.GetString()!, at)
            : throw new InvalidDataException($"{at} must be {{\"String\": text}} or {{\"Regex\": pattern}}");
    }

    /// <summary>Compiles a regular expression.</summary>
    public static TextPattern FromRegex(string pattern, string at)
    {
        try
        {
            return new TextPattern(pattern, PatternTranslator.Read(pattern));
        }
        catch (InvalidDataException fault)
        {
            throw new InvalidDataException($"{at}.Regex: {fault.Message}", fault);
        }
        catch (ArgumentException fault)
        {
            throw new InvalidDataException($"{at}.Regex: \"{pattern}\": {fault.Message}", fault);
        }
    }

    /// <summary>Finds the matches in a text, left to right, none overlapping; matches of no characters are left out.</summary>
    /// <exception cref="InvalidDataException">If the pattern takes too long on the text.</exception>
    public List<(int Start, int End)> Matches(ReadOnlySpan<char> text)
    {
        var matches = new List<(int, int)>();
        if (_literal is not null)
        {
            for (var from = 0; text[from..].IndexOf(_literal, StringComparison.Ordinal) is var offset and >= 0; from += offset + _literal.Length)
            {
                matches.Add((from + offset, from + offset + _literal.Length));
            }

            return matches;
        }

        try
        {
            if (!text.ContainsAnyInRange('\uD800', '\uDFFF'))
            {
                foreach (var match in _regex!.EnumerateMatches(text))
                {
                    Add(match.Index, match.Index + match.Length);
                }

                return matches;
            }

            var (units, positions) = WithStandIns(text);
            foreach (var match in _regex!.EnumerateMatches(units))
            {
                Add(positions[match.Index], positions[match.Index + match.Length]);
            }

            return matches;
        }
        catch (RegexMatchTimeoutException fault)
        {
            throw new InvalidDataException($"the pattern {fault.Pattern} took more than {Timeout.TotalSeconds} s on a text of {text.Length} characters", fault);
        }

        void Add(int start, int end)
        {
            if (end > start)
            {
                matches.Add((start, end));
            }
        }
    }

    private (char[] Units, int[] Positions) WithStandIns(ReadOnlySpan<char> text)
    {
        var units = new char[text.Length];
        var positions = new int[text.Length + 1];
        var count = 0;
        for (var i = 0; i < text.Length; count++)
        {
            positions[count] = i;
            if (Rune.DecodeFromUtf16(text[i..], out var rune, out var width) == System.Buffers.OperationStatus.Done && width == 2)
            {
                var place = Array.BinarySearch(_starts, rune.Value);
                units[count] = _standIns[place >= 0 ? place : ~place - 1];
            }
            else
            {
                units[count] = (char)rune.Value;
            }

            i += width;
        }

        positions[count] = text.Length;
        return (units[..count], positions);
    }

    /// <summary>Cuts the planes beyond the first into stretches no set divides and gives all with the same memberships one stand-in.</summary>
    private static (int[] Starts, char[] StandIns, Dictionary<CodePointSet, List<char>> Members) Partition(CodePointSet[] sets)
    {
        var starts = sets.SelectMany(set => set.Ranges).SelectMany(range => (int[])[range.First, range.Last + 1])
            .Append(0x10000).Where(point => point is >= 0x10000 and < 0x110000).Distinct().Order().ToArray();
        var bySignature = new Dictionary<string, char>();
        var members = sets.ToDictionary(set => set, _ => new List<char>());
        var standIns = new char[starts.Length];
        for (var i = 0; i < starts.Length; i++)
        {
            var containing = sets.Where(set => set.Contains(starts[i])).ToArray();
            var signature = string.Concat(sets.Select(set => containing.Contains(set) ? '1' : '0'));
            if (!bySignature.TryGetValue(signature, out var standIn))
            {
                if (bySignature.Count == MaxStandIns)
                {
                    throw new InvalidDataException($"the pattern tells more than {MaxStandIns} kinds of characters beyond the basic plane apart");
                }

                standIn = (char)(StandIns + bySignature.Count);
                bySignature.Add(signature, standIn);
                foreach (var set in containing)
                {
                    members[set].Add(standIn);
                }
            }

            standIns[i] = standIn;
        }

        return (starts, standIns, members);
    }

    private static void AppendClass(StringBuilder output, CodePointSet set, List<char> standIns)
    {
        var before = output.Append('[').Length;
        foreach (var (first, last) in set.Ranges.Where(range => range.First < 0x10000))
        {
            Unit(first);
            if (last > first)
            {
                output.Append('-');
                Unit(Math.Min(last, 0xFFFF));
            }
        }

        foreach (var standIn in standIns)
        {
            Unit(standIn);
        }

        if (output.Length == before)
        {
            // The empty set.
            output.Append("^\\u0000-\\uFFFF");
        }

        output.Append(']');

        void Unit(int unit) => output.Append("\\u").Append(unit.ToString("X4", CultureInfo.InvariantCulture));
    }

    private static Regex Build(string translated, bool needsBacktracking, string pattern)
    {
        if (!needsBacktracking)
        {
            try
            {
                return new Regex(translated, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, Timeout);
            }
            catch (NotSupportedException)
            {
                // The automaton would be too large; the backtracking engine has a time limit.
            }
        }

        try
        {
            return new Regex(translated, RegexOptions.CultureInvariant | RegexOptions.Compiled, Timeout);
        }
        catch (RegexParseException fault)
        {
            throw new InvalidDataException($"\"{pattern}\" cannot be translated: {fault.Message}", fault);
        }
    }
}
