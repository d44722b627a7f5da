using System.Globalization;
using System.Numerics;
using System.Text;

namespace Rlhf.Modeling.Chat.Jinja;

/// <summary>Strings as Python has them: indexed by code points; and how values print.</summary>
internal static class PythonText
{
    private const int MaxNesting = 100;

    /// <summary><c>str.isspace</c>: White_Space, and the four separators U+001C to U+001F.</summary>
    public static bool IsSpace(char value) => char.IsWhiteSpace(value) || value is >= '\u001C' and <= '\u001F';

    public static int Length(string text)
    {
        var count = text.Length;
        foreach (var unit in text)
        {
            count -= char.IsLowSurrogate(unit) ? 1 : 0;
        }

        return count;
    }

    /// <summary>The characters, each as a string.</summary>
    public static List<string> Characters(string text)
    {
        var characters = new List<string>(text.Length);
        for (var i = 0; i < text.Length;)
        {
            var width = char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]) ? 2 : 1;
            characters.Add(text.Substring(i, width));
            i += width;
        }

        return characters;
    }

    public static string Strip(string text, string? characters, bool left, bool right)
    {
        var set = characters is null ? null : Characters(characters);
        var (start, end) = (0, text.Length);
        while (left && start < end && Width(start, forward: true) is var width and > 0)
        {
            start += width;
        }

        while (right && end > start && Width(end, forward: false) is var width and > 0)
        {
            end -= width;
        }

        return text[start..end];

        int Width(int at, bool forward)
        {
            if (set is null)
            {
                return IsSpace(text[forward ? at : at - 1]) ? 1 : 0;
            }

            return set.FirstOrDefault(character => forward
                ? string.CompareOrdinal(text, at, character, 0, character.Length) == 0
                : at - start >= character.Length && string.CompareOrdinal(text, at - character.Length, character, 0, character.Length) == 0)?.Length ?? 0;
        }
    }

    /// <summary>Order by code points, where UTF-16 units would put U+E000 to U+FFFF behind the pairs.</summary>
    public static int Compare(string left, string right)
    {
        for (var i = 0; i < left.Length && i < right.Length; i++)
        {
            if (left[i] != right[i])
            {
                return (char.IsSurrogate(left[i]), char.IsSurrogate(right[i])) switch
                {
                    (true, false) => 1,
                    (false, true) => -1,
                    _ => left[i].CompareTo(right[i]),
                };
            }
        }

        return left.Length.CompareTo(right.Length);
    }

    /// <summary><c>str(value)</c>.</summary>
    public static string Str(object? value) => value switch
    {
        string text => text,
        Undefined => "",
        _ => Repr(value),
    };

    /// <summary><c>repr(value)</c>.</summary>
    public static string Repr(object? value)
    {
        var output = new StringBuilder();
        Repr(value, output, 0);
        return output.ToString();
    }

    /// <summary>The shortest digits that give the number back, with an exponent below 1e-4 and from 1e16 on.</summary>
    public static string Number(double value)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }

        var digits = value.ToString("E16", CultureInfo.InvariantCulture);
        var shortest = value.ToString("R", CultureInfo.InvariantCulture);
        var exponent = value == 0 ? 0 : int.Parse(digits.AsSpan(digits.IndexOf('E') + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var sign = shortest.StartsWith('-') ? "-" : "";
        var mantissa = string.Concat(shortest.TakeWhile(letter => letter != 'E').Where(char.IsAsciiDigit)).TrimStart('0').TrimEnd('0');
        mantissa = mantissa.Length == 0 ? "0" : mantissa;
        if (exponent is < -4 or >= 16)
        {
            return $"{sign}{mantissa[0]}{(mantissa.Length > 1 ? "." + mantissa[1..] : "")}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
        }

        return exponent < 0 ? $"{sign}0.{new string('0', -exponent - 1)}{mantissa}"
            : mantissa.Length <= exponent + 1 ? $"{sign}{mantissa.PadRight(exponent + 1, '0')}.0"
            : $"{sign}{mantissa[..(exponent + 1)]}.{mantissa[(exponent + 1)..]}";
    }

    private static void Repr(object? value, StringBuilder output, int depth)
    {
        if (depth > MaxNesting || output.Length > Limits.MaxText)
        {
            throw new JinjaException("a value is too large or too deeply nested to print");
        }

        switch (value)
        {
            case null:
                output.Append("None");
                break;
            case bool flag:
                output.Append(flag ? "True" : "False");
                break;
            case long or BigInteger:
                output.Append(CultureInfo.InvariantCulture, $"{value}");
                break;
            case double number:
                output.Append(Number(number));
                break;
            case string text:
                Quote(text, output);
                break;
            case Undefined:
                output.Append("Undefined");
                break;
            case ListValue list:
                output.Append(list.IsTuple ? '(' : '[');
                for (var i = 0; i < list.Items.Count; i++)
                {
                    output.Append(i > 0 ? ", " : "");
                    Repr(list.Items[i], output, depth + 1);
                }

                output.Append(list.IsTuple ? list.Items.Count == 1 ? ",)" : ")" : "]");
                break;
            case DictValue dict:
                output.Append('{');
                for (var i = 0; i < dict.Items.Count; i++)
                {
                    output.Append(i > 0 ? ", " : "");
                    Repr(dict.Items[i].Key, output, depth + 1);
                    output.Append(": ");
                    Repr(dict.Items[i].Value, output, depth + 1);
                }

                output.Append('}');
                break;
            case RangeValue range:
                output.Append(CultureInfo.InvariantCulture, $"range({range.Start}, {range.Stop}{(range.Step == 1 ? "" : $", {range.Step}")})");
                break;
            default:
                output.Append(CultureInfo.InvariantCulture, $"<{Operators.TypeName(value)}>");
                break;
        }
    }

    private static void Quote(string text, StringBuilder output)
    {
        var quote = text.Contains('\'', StringComparison.Ordinal) && !text.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        output.Append(quote);
        foreach (var rune in text.EnumerateRunes())
        {
            var value = rune.Value;
            switch (value)
            {
                case '\n':
                    output.Append("\\n");
                    break;
                case '\r':
                    output.Append("\\r");
                    break;
                case '\t':
                    output.Append("\\t");
                    break;
                case '\\':
                    output.Append("\\\\");
                    break;
                default:
                    if (value == quote)
                    {
                        output.Append('\\').Append(quote);
                    }
                    else if (value < ' ' || value == 0x7F || (value > 0x7F && !IsPrintable(rune)))
                    {
                        output.Append(CultureInfo.InvariantCulture, $"{(value < 0x100 ? $"\\x{value:x2}" : value < 0x10000 ? $"\\u{value:x4}" : $"\\U{value:x8}")}");
                    }
                    else
                    {
                        output.Append(rune);
                    }

                    break;
            }
        }

        output.Append(quote);
    }

    private static bool IsPrintable(Rune rune) => Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.SpaceSeparator or UnicodeCategory.Surrogate);
}
