using System.Globalization;
using System.Net;
using System.Text;

namespace Rlhf.Modeling.Chat.Jinja;

/// <summary>Jinja's filters (<c>value | name</c>; jinja2, filters.py). The value is the first argument.</summary>
internal static class Filters
{
    private static readonly Dictionary<string, Func<Arguments, object?>> Known = new(StringComparer.Ordinal)
    {
        ["abs"] = a => a.Positional[0] switch
        {
            long number when number != long.MinValue => (object)Math.Abs(number),
            double number => Math.Abs(number),
            bool flag => flag ? 1L : 0L,
            var other => throw new JinjaException($"abs does not work on '{Operators.TypeName(other)}'"),
        },
        ["attr"] = a => Members.Attribute(a.Positional[0], a.Text(1, "name"), a.Interpreter),
        ["batch"] = a => a.Interpreter.MadeList(Batches(a)),
        ["capitalize"] = a => StringMethods.Capitalize(Text(a)),
        ["center"] = a => StringMethods.Pad(Text(a), a.Integer(1, "width", 80), " ", left: true, right: true, a.Interpreter),
        ["default"] = a => a.Positional[0] is Undefined || (a.Flag(2, "boolean", false) && !Operators.IsTrue(a.Positional[0])) ? a.Optional(1, "default_value", "") : a.Positional[0],
        ["dictsort"] = a => DictSort(a),
        ["escape"] = a => a.Interpreter.Made(Text(a).Replace("&", "&amp;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal)
            .Replace("<", "&lt;", StringComparison.Ordinal).Replace("'", "&#39;", StringComparison.Ordinal).Replace("\"", "&#34;", StringComparison.Ordinal)),
        ["first"] = a => a.Interpreter.Iterate(a.Positional[0]).Take(1).ToList() is [var first] ? first : new Undefined("no first item, the sequence was empty"),
        ["float"] = a => ToFloat(a),
        ["format"] = a => a.Interpreter.Made(Formatting.Percent(
            Text(a), a.Named.Count > 0 ? ToDict(a.Named) : new ListValue([.. a.Positional.Skip(1)], isTuple: true))),
        ["groupby"] = a => GroupBy(a),
        ["indent"] = a => Indent(a),
        ["int"] = a => ToInteger(a),
        ["items"] = a => a.Positional[0] switch
        {
            Undefined => new ListValue([]),
            DictValue dict => Members.Pairs(dict, a.Interpreter),
            var other => throw new JinjaException($"items needs a mapping, not '{Operators.TypeName(other)}'"),
        },
        ["join"] = a => StringMethods.Join(
            PythonText.Str(a.Optional(1, "d", "")),
            a.Interpreter.Iterate(a.Positional[0]).Select(Key(a.Optional(2, "attribute", null), a.Interpreter)).Select(PythonText.Str),
            a.Interpreter),
        ["last"] = a => a.Positional[0] switch
        {
            ListValue list => list.Items.Count > 0 ? list.Items[^1] : new Undefined("no last item, the sequence was empty"),
            var other => a.Interpreter.Iterate(other).ToList() is [.., var last] ? last : new Undefined("no last item, the sequence was empty"),
        },
        ["length"] = a => Length(a.Positional[0]),
        ["list"] = a => a.Interpreter.MadeList(a.Interpreter.Iterate(a.Positional[0])),
        ["lower"] = a => a.Interpreter.Made(StringMethods.Lower(Text(a))),
        ["map"] = a => a.Interpreter.MadeList(Map(a)),
        ["max"] = a => Extreme(a, 1),
        ["min"] = a => Extreme(a, -1),
        ["reject"] = a => Select(a, byAttribute: false, keep: false),
        ["rejectattr"] = a => Select(a, byAttribute: true, keep: false),
        ["replace"] = a => StringMethods.Replace(Text(a), PythonText.Str(a.Required(1, "old")), PythonText.Str(a.Required(2, "new")), a.Optional(3, "count", null) is long count ? count : -1, a.Interpreter),
        ["reverse"] = a => a.Positional[0] is string text
            ? a.Interpreter.Made(string.Concat(Enumerable.Reverse(PythonText.Characters(text))))
            : a.Interpreter.MadeList(a.Interpreter.Iterate(a.Positional[0]).Reverse()),
        ["round"] = a => Round(a),
        ["safe"] = a => a.Positional[0],
        ["select"] = a => Select(a, byAttribute: false, keep: true),
        ["selectattr"] = a => Select(a, byAttribute: true, keep: true),
        ["slice"] = a => a.Interpreter.MadeList(Slices(a)),
        ["sort"] = a => a.Interpreter.MadeList(Sorted(
            a.Interpreter.Iterate(a.Positional[0]), Key(a.Optional(3, "attribute", null), a.Interpreter), a.Flag(1, "reverse", false), a.Flag(2, "case_sensitive", false), a.Interpreter)),
        ["string"] = a => a.Interpreter.Made(Text(a)),
        ["sum"] = a => a.Interpreter.Iterate(a.Positional[0]).Select(Key(a.Optional(1, "attribute", null), a.Interpreter))
            .Aggregate(a.Optional(2, "start", 0L), (sum, item) => Operators.Binary("+", sum, item, a.Interpreter)),
        ["title"] = a => a.Interpreter.Made(StringMethods.Title(Text(a))),
        ["tojson"] = a => ToJson(a),
        ["trim"] = a => a.Interpreter.Made(PythonText.Strip(Text(a), a.Optional(1, "chars", null) is null ? null : a.Text(1, "chars"), left: true, right: true)),
        ["truncate"] = a => Truncate(Text(a), a.Integer(1, "length", 255), a.Flag(2, "killwords", false), a.Text(3, "end", "..."), a.Integer(4, "leeway", 5)),
        ["unique"] = a => Unique(a),
        ["upper"] = a => a.Interpreter.Made(StringMethods.Upper(Text(a))),
        ["urlencode"] = a => a.Interpreter.Made(WebUtility.UrlEncode(Text(a)).Replace("+", "%20", StringComparison.Ordinal).Replace("%2F", "/", StringComparison.Ordinal)),
        ["wordcount"] = a => (long)Text(a).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length,
    };

    private static readonly Dictionary<string, string> Aliases = new(StringComparer.Ordinal) { ["d"] = "default", ["e"] = "escape", ["count"] = "length" };

    public static bool IsKnown(string name) => Known.ContainsKey(Aliases.GetValueOrDefault(name, name));

    public static object? Apply(string name, Arguments arguments) =>
        Known.TryGetValue(Aliases.GetValueOrDefault(name, name), out var filter) ? filter(arguments) : throw new JinjaException($"no filter is called '{name}'");

    private static string Text(Arguments arguments) => PythonText.Str(arguments.Positional[0]);

    private static DictValue ToDict(IReadOnlyDictionary<string, object?> named)
    {
        var dict = new DictValue();
        foreach (var (name, value) in named)
        {
            dict[name] = value;
        }

        return dict;
    }

    private static long Length(object? value) => value switch
    {
        string text => PythonText.Length(text),
        ListValue list => list.Items.Count,
        DictValue dict => dict.Items.Count,
        RangeValue range => range.Count,
        Undefined => 0,
        _ => throw new JinjaException($"a value of type '{Operators.TypeName(value)}' has no length"),
    };

    /// <summary>How a filter looks at an item: whole, or by an attribute such as <c>a.b</c> or an index.</summary>
    private static Func<object?, object?> Key(object? attribute, Interpreter interpreter)
    {
        if (attribute is null)
        {
            return item => item;
        }

        var parts = attribute is string path ? path.Split('.') : [PythonText.Str(attribute)];
        return item => parts.Aggregate(item, (value, part) =>
            Members.Item(value, long.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? index : part, interpreter));
    }

    private static IEnumerable<object?> Map(Arguments arguments)
    {
        var items = arguments.Interpreter.Iterate(arguments.Positional[0]);
        if (arguments.Named.TryGetValue("attribute", out var attribute))
        {
            var absent = arguments.Optional(int.MaxValue, "default", new Undefined("no default"));
            var key = Key(attribute, arguments.Interpreter);
            return items.Select(item => key(item) is var value && value is Undefined && absent is not Undefined ? absent : value);
        }

        var name = arguments.Text(1, "filter");
        var rest = arguments.From(2);
        return items.Select(item => Apply(name, new Arguments(arguments.Interpreter, [item, .. rest.Positional], rest.Named)));
    }

    private static ListValue Select(Arguments arguments, bool byAttribute, bool keep)
    {
        var key = byAttribute ? Key(arguments.Required(1, "attribute"), arguments.Interpreter) : item => item;
        var next = byAttribute ? 2 : 1;
        var rest = arguments.From(next + 1).Positional;
        Func<object?, bool> test = next < arguments.Count
            ? item => Tests.Holds(arguments.Text(next, "test"), new Arguments(arguments.Interpreter, [item, .. rest], arguments.Named))
            : Operators.IsTrue;
        return arguments.Interpreter.MadeList(arguments.Interpreter.Iterate(arguments.Positional[0]).Where(item => test(key(item)) == keep));
    }

    private static IEnumerable<object?> Sorted(IEnumerable<object?> items, Func<object?, object?> key, bool reverse, bool caseSensitive, Interpreter interpreter)
    {
        var comparer = Comparer<object?>.Create((a, b) =>
        {
            interpreter.Step(0);
            return Operators.Compare(a, b);
        });
        var cased = (object? item) => key(item) is string text && !caseSensitive ? StringMethods.Lower(text) : key(item);
        try
        {
            return reverse ? [.. items.OrderByDescending(cased, comparer)] : [.. items.OrderBy(cased, comparer)];
        }
        catch (InvalidOperationException fault) when (fault.InnerException is JinjaException inner)
        {
            throw inner;
        }
    }

    private static ListValue DictSort(Arguments arguments)
    {
        var dict = arguments.Positional[0] as DictValue ?? throw new JinjaException("dictsort needs a mapping");
        var by = arguments.Text(2, "by", "key") switch
        {
            "key" => 0L,
            "value" => 1L,
            _ => throw new JinjaException("you can only sort by either \"key\" or \"value\""),
        };
        return arguments.Interpreter.MadeList(Sorted(
            Members.Pairs(dict, arguments.Interpreter).Items, pair => ((ListValue)pair!).Items[(int)by], arguments.Flag(3, "reverse", false), arguments.Flag(1, "case_sensitive", false), arguments.Interpreter));
    }

    private static ListValue GroupBy(Arguments arguments)
    {
        var key = Key(arguments.Required(1, "attribute"), arguments.Interpreter);
        var absent = arguments.Optional(2, "default", null);
        var keyed = (object? item) => key(item) is var value && value is Undefined && absent is not null ? absent : value;
        var groups = new List<(object? Key, List<object?> Items)>();
        foreach (var item in Sorted(arguments.Interpreter.Iterate(arguments.Positional[0]), keyed, reverse: false, caseSensitive: false, arguments.Interpreter))
        {
            if (groups.Count == 0 || !Operators.AreEqual(groups[^1].Key, keyed(item)))
            {
                groups.Add((keyed(item), []));
            }

            groups[^1].Items.Add(item);
        }

        return arguments.Interpreter.MadeList(groups.Select(group => new ListValue([group.Key, new ListValue(group.Items)], isTuple: true)));
    }

    private static ListValue Unique(Arguments arguments)
    {
        var key = Key(arguments.Optional(2, "attribute", null), arguments.Interpreter);
        var caseSensitive = arguments.Flag(1, "case_sensitive", false);
        var seen = new DictValue();
        return arguments.Interpreter.MadeList(arguments.Interpreter.Iterate(arguments.Positional[0]).Where(item =>
        {
            var value = key(item) is string text && !caseSensitive ? StringMethods.Lower(text) : key(item);
            var isNew = !seen.TryGet(Interpreter.Hashable(value), out _);
            seen[value] = true;
            return isNew;
        }).ToList());
    }

    private static object? Extreme(Arguments arguments, int sign)
    {
        var key = Key(arguments.Optional(2, "attribute", null), arguments.Interpreter);
        var caseSensitive = arguments.Flag(1, "case_sensitive", false);
        var items = arguments.Interpreter.Iterate(arguments.Positional[0]).ToList();
        return items.Count == 0
            ? new Undefined("no aggregated item, the sequence was empty")
            : items.Aggregate((best, item) => Operators.Compare(Cased(item), Cased(best)) * sign > 0 ? item : best);

        object? Cased(object? item) => key(item) is string text && !caseSensitive ? StringMethods.Lower(text) : key(item);
    }

    private static IEnumerable<object?> Batches(Arguments arguments)
    {
        var size = Math.Clamp(arguments.Integer(1, "linecount", 0), 1, Limits.MaxItems);
        var fill = arguments.Optional(2, "fill_with", null);
        foreach (var chunk in arguments.Interpreter.Iterate(arguments.Positional[0]).Chunk((int)size))
        {
            yield return arguments.Interpreter.MadeList(fill is null ? chunk : chunk.Concat(Enumerable.Repeat(fill, (int)size - chunk.Length)));
        }
    }

    private static IEnumerable<object?> Slices(Arguments arguments)
    {
        var items = arguments.Interpreter.Iterate(arguments.Positional[0]).ToList();
        var count = (int)Math.Clamp(arguments.Integer(1, "slices", 1), 1, Limits.MaxItems);
        var fill = arguments.Optional(2, "fill_with", null);
        var (each, more) = (items.Count / count, items.Count % count);
        for (int i = 0, start = 0; i < count; i++)
        {
            var length = each + (i < more ? 1 : 0);
            yield return arguments.Interpreter.MadeList(fill is not null && i >= more && more > 0 ? [.. items.GetRange(start, length), fill] : items.GetRange(start, length));
            start += length;
        }
    }

    private static string Indent(Arguments arguments)
    {
        var width = arguments.Optional(1, "width", 4L);
        var indentation = width is string text ? text : new string(' ', (int)Math.Clamp(arguments.Integer(1, "width", 4), 0, 10_000));
        var (first, blank) = (arguments.Flag(2, "first", false), arguments.Flag(3, "blank", false));

        // As Jinja: a line end is added, so that the last line counts, and taken away again.
        var lines = StringMethods.Lines(Text(arguments) + "\n", keepEnds: false);
        return StringMethods.Join("\n", lines.Select((line, i) => (i == 0 ? first : blank || line.Length > 0) ? indentation + line : line), arguments.Interpreter);
    }

    private static object? ToInteger(Arguments arguments)
    {
        var absent = arguments.Optional(1, "default", 0L);
        switch (arguments.Positional[0])
        {
            case long number:
                return number;
            case bool flag:
                return flag ? 1L : 0L;
            case double number:
                return double.IsFinite(number) && Math.Abs(number) < 9e18 ? (object)(long)number : absent;
            case string text:
                var numberBase = (int)arguments.Integer(2, "base", 10);
                text = PythonText.Strip(text, null, true, true).Replace("_", "", StringComparison.Ordinal);
                try
                {
                    return numberBase is 2 or 8 or 16 ? (object)Convert.ToInt64(text, numberBase)
                        : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) ? (object)whole
                        : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && Math.Abs(real) < 9e18 ? (object)(long)real
                        : absent;
                }
                catch (Exception fault) when (fault is FormatException or OverflowException or ArgumentException)
                {
                    return absent;
                }

            default:
                return absent;
        }
    }

    private static object? ToFloat(Arguments arguments) => arguments.Positional[0] switch
    {
        string text when double.TryParse(PythonText.Strip(text, null, true, true), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
        var value when Operators.IsNumber(value) => Operators.ToDouble(value),
        _ => arguments.Optional(1, "default", 0.0),
    };

    private static double Round(Arguments arguments)
    {
        var value = Operators.IsNumber(arguments.Positional[0]) ? Operators.ToDouble(arguments.Positional[0]) : throw new JinjaException("round needs a number");
        var digits = (int)Math.Clamp(arguments.Integer(1, "precision", 0), -300, 300);
        var scale = Math.Pow(10, digits);
        return arguments.Text(2, "method", "common") switch
        {
            "ceil" => Math.Ceiling(value * scale) / scale,
            "floor" => Math.Floor(value * scale) / scale,
            "common" => digits is >= 0 and <= 15 ? RoundExactly(value, digits) : Math.Round(value * scale) / scale,
            _ => throw new JinjaException("method must be common, ceil or floor"),
        };
    }

    /// <summary>Python's round: the nearest number of the exact binary value, which .NET's loses by scaling; halves to even.</summary>
    private static double RoundExactly(double value, int digits)
    {
        // Formatting is exact, and only a number whose further digits are 5000… is a half.
        var exact = value.ToString("F" + (digits + 60), CultureInfo.InvariantCulture);
        return exact.AsSpan(exact.IndexOf('.') + 1 + digits).TrimEnd('0') is "5"
            ? Math.Round(value, digits, MidpointRounding.ToEven)
            : double.Parse(value.ToString("F" + digits, CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
    }

    private static string Truncate(string text, long length, bool killWords, string end, long leeway)
    {
        if (PythonText.Length(text) <= length + leeway)
        {
            return text;
        }

        var kept = string.Concat(PythonText.Characters(text).Take((int)Math.Max(0, length - PythonText.Length(end))));
        var space = kept.LastIndexOf(' ');
        return (killWords || space < 0 ? kept : kept[..space]) + end;
    }

    private static string ToJson(Arguments arguments)
    {
        // transformers' signature: ensure_ascii, indent, separators, sort_keys.
        int? indent = arguments.Optional(2, "indent", null) switch
        {
            null => null,
            long width => (int)Math.Clamp(width, 0, 100),
            var other => throw new JinjaException($"indent must be an integer, not '{Operators.TypeName(other)}'"),
        };
        var separators = arguments.Optional(3, "separators", null) switch
        {
            null => (indent is null ? ", " : ",", ": "),
            ListValue { Items: [string item, string key] } => (item, key),
            _ => throw new JinjaException("separators must be two strings"),
        };
        return arguments.Interpreter.Made(Formatting.Json(
            arguments.Positional[0], indent, separators, arguments.Flag(4, "sort_keys", false), arguments.Flag(1, "ensure_ascii", false)));
    }
}
