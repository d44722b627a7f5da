using System.Globalization;
using System.Numerics;
using System.Text;

namespace Rlhf.Modeling.Chat.Jinja;

/// <summary>Python's ways to format: <c>%</c>, <c>json.dumps</c>, <c>strftime</c>.</summary>
internal static class Formatting
{
    private const int MaxNesting = 100;

    /// <summary><c>format % values</c> with the conversions s, r, d, i, f, x and a width and precision.</summary>
    public static string Percent(string format, object? values)
    {
        var arguments = values is ListValue { IsTuple: true } tuple ? tuple.Items : [values];
        var next = 0;
        var output = new StringBuilder();
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                output.Append(format[i]);
                continue;
            }

            object? named = null;
            var byName = false;
            if (i + 1 < format.Length && format[i + 1] == '(')
            {
                var close = format.IndexOf(')', i);
                if (close < 0 || values is not DictValue dict || !dict.TryGet(format[(i + 2)..close], out named))
                {
                    throw new JinjaException("a %(name) has no value");
                }

                (byName, i) = (true, close);
            }

            var start = ++i;
            while (i < format.Length && (char.IsAsciiDigit(format[i]) || format[i] is '-' or '+' or '.' or ' '))
            {
                i++;
            }

            if (i == format.Length)
            {
                throw new JinjaException("incomplete % format");
            }

            if (format[i] == '%')
            {
                output.Append('%');
                continue;
            }

            if (!byName && next == arguments.Count)
            {
                throw new JinjaException("not enough values for a % format");
            }

            output.Append(One(format[start..i], format[i], byName ? named : arguments[next++]));
            Interpreter.RequireRoom(output.Length);
        }

        return next == arguments.Count || values is DictValue ? output.ToString() : throw new JinjaException("too many values for a % format");
    }

    /// <summary><c>json.dumps</c> as transformers' <c>tojson</c> calls it: non-ASCII and markup characters as they are.</summary>
    public static string Json(object? value, int? indent, (string Item, string Key) separators, bool sortKeys, bool ensureAscii)
    {
        var output = new StringBuilder();
        Json(value, output, new JsonStyle(indent, separators.Item, separators.Key, sortKeys, ensureAscii), 0);
        return output.ToString();
    }

    /// <summary><c>strftime</c> with English names; <c>%-d</c> and the like without leading zeros.</summary>
    public static string Time(DateTimeOffset time, string format)
    {
        var output = new StringBuilder();
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                output.Append(format[i]);
                continue;
            }

            var plain = format[++i] == '-' && i + 1 < format.Length;
            i += plain ? 1 : 0;
            var text = format[i] switch
            {
                'a' => "ddd",
                'A' => "dddd",
                'b' or 'h' => "MMM",
                'B' => "MMMM",
                'd' => "dd",
                'm' => "MM",
                'y' => "yy",
                'Y' => "yyyy",
                'H' => "HH",
                'I' => "hh",
                'M' => "mm",
                'S' => "ss",
                'f' => "ffffff",
                'p' => "tt",
                'F' => "yyyy-MM-dd",
                'T' => "HH:mm:ss",
                'D' => "MM/dd/yy",
                'R' => "HH:mm",
                'c' => "ddd MMM %d HH:mm:ss yyyy",
                'x' => "MM/dd/yy",
                'X' => "HH:mm:ss",
                _ => null,
            };
            var value = format[i] switch
            {
                _ when text is not null => time.ToString(text.Length == 1 ? "%" + text : text, CultureInfo.InvariantCulture),
                'j' => time.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
                'w' => ((int)time.DayOfWeek).ToString(CultureInfo.InvariantCulture),
                '%' => "%",
                'Z' or 'z' => "",
                'n' => "\n",
                't' => "\t",
                var other => throw new JinjaException($"strftime_now does not know %{other}"),
            };
            output.Append(plain && value.Length > 1 && char.IsAsciiDigit(value[0]) ? value.TrimStart('0').PadLeft(1, '0') : value);
        }

        return output.ToString();
    }

    private static string One(string flags, char conversion, object? value)
    {
        var left = flags.Contains('-', StringComparison.Ordinal);
        var zeros = !left && flags.TrimStart('+', ' ').StartsWith('0');
        var parts = flags.Trim('-', '+', ' ').Split('.');
        if (parts.Length > 2 || parts.Any(part => part.Length > 3 || !part.All(char.IsAsciiDigit)))
        {
            throw new JinjaException($"'%{flags}{conversion}' is not supported");
        }

        var width = parts[0].Length > 0 ? int.Parse(parts[0], CultureInfo.InvariantCulture) : 0;
        int? precision = parts.Length == 2 ? parts[1].Length > 0 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 0 : null;
        var text = conversion switch
        {
            's' => PythonText.Str(value),
            'r' => PythonText.Repr(value),
            'd' or 'i' or 'u' when value is long or bool or double => Math.Truncate((decimal)Math.Clamp(Operators.ToDouble(value), -1e15, 1e15)).ToString(CultureInfo.InvariantCulture) is var rounded
                && value is long exact ? exact.ToString(CultureInfo.InvariantCulture) : rounded,
            'f' or 'F' when Operators.IsNumber(value) => Operators.ToDouble(value).ToString("F" + (precision ?? 6), CultureInfo.InvariantCulture),
            'x' when value is long number => number.ToString("x", CultureInfo.InvariantCulture),
            'X' when value is long number => number.ToString("X", CultureInfo.InvariantCulture),
            _ => throw new JinjaException($"'%{conversion}' does not work on '{Operators.TypeName(value)}'"),
        };
        text = conversion is 's' or 'r' && precision is { } most && most < text.Length ? text[..most] : text;
        return left ? text.PadRight(width) : text.PadLeft(width, zeros && conversion is not ('s' or 'r') ? '0' : ' ');
    }

    private static void Json(object? value, StringBuilder output, JsonStyle style, int depth)
    {
        if (depth > MaxNesting || output.Length > Limits.MaxText)
        {
            throw new JinjaException("a value is too large or too deeply nested for JSON");
        }

        switch (value)
        {
            case null:
                output.Append("null");
                break;
            case bool flag:
                output.Append(flag ? "true" : "false");
                break;
            case long or BigInteger:
                output.Append(CultureInfo.InvariantCulture, $"{value}");
                break;
            case double number:
                output.Append(double.IsNaN(number) ? "NaN" : double.IsPositiveInfinity(number) ? "Infinity" : double.IsNegativeInfinity(number) ? "-Infinity" : PythonText.Number(number));
                break;
            case string text:
                JsonText(text, output, style.EnsureAscii);
                break;
            case ListValue list:
                Container('[', ']', list.Items.Count, i => Json(list.Items[i], output, style, depth + 1));
                break;
            case DictValue dict:
                var items = style.SortKeys ? [.. dict.Items.OrderBy(item => item.Key, Comparer<object?>.Create((a, b) => Operators.Compare(a, b)))] : dict.Items;
                Container('{', '}', items.Count, i =>
                {
                    JsonText(Key(items[i].Key), output, style.EnsureAscii);
                    output.Append(style.KeySeparator);
                    Json(items[i].Value, output, style, depth + 1);
                });
                break;
            default:
                throw new JinjaException($"a value of type '{Operators.TypeName(value)}' cannot be written as JSON");
        }

        void Container(char open, char close, int count, Action<int> item)
        {
            output.Append(open);
            for (var i = 0; i < count; i++)
            {
                output.Append(i > 0 ? style.ItemSeparator : "");
                Line(depth + 1);
                item(i);
            }

            if (count > 0)
            {
                Line(depth);
            }

            output.Append(close);
        }

        void Line(int level)
        {
            if (style.Indent is { } indent)
            {
                output.Append('\n').Append(' ', indent * level);
            }
        }
    }

    private static string Key(object? key) => key switch
    {
        string text => text,
        null => "null",
        bool flag => flag ? "true" : "false",
        long or double or BigInteger => PythonText.Repr(key),
        _ => throw new JinjaException($"a key of type '{Operators.TypeName(key)}' cannot be written as JSON"),
    };

    private static void JsonText(string text, StringBuilder output, bool ensureAscii)
    {
        output.Append('"');
        foreach (var unit in text)
        {
            _ = unit switch
            {
                '"' => output.Append("\\\""),
                '\\' => output.Append("\\\\"),
                '\n' => output.Append("\\n"),
                '\r' => output.Append("\\r"),
                '\t' => output.Append("\\t"),
                '\f' => output.Append("\\f"),
                '\b' => output.Append("\\b"),
                < ' ' => output.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}"),
                > '~' when ensureAscii => output.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}"),
                _ => output.Append(unit),
            };
        }

        output.Append('"');
    }

    private sealed record JsonStyle(int? Indent, string ItemSeparator, string KeySeparator, bool SortKeys, bool EnsureAscii);
}
