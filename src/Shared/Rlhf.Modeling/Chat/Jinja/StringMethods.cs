using System.Buffers;
using System.Globalization;
using System.Text;

namespace Rlhf.Modeling.Chat.Jinja;

/// <summary>Python's methods of strings.</summary>
internal static class StringMethods
{
    private static readonly SearchValues<char> LineEnds = SearchValues.Create("\n\r\v\f\u001C\u001D\u001E\u0085\u2028\u2029");

    private static readonly Dictionary<string, Func<string, Arguments, object?>> Methods = new(StringComparer.Ordinal)
    {
        ["strip"] = (text, a) => PythonText.Strip(text, Characters(a), left: true, right: true),
        ["lstrip"] = (text, a) => PythonText.Strip(text, Characters(a), left: true, right: false),
        ["rstrip"] = (text, a) => PythonText.Strip(text, Characters(a), left: false, right: true),
        ["split"] = (text, a) => a.Interpreter.MadeList(Split(text, a)),
        ["rsplit"] = (text, a) => a.Interpreter.MadeList(SplitFromRight(text, a)),
        ["splitlines"] = (text, a) => a.Interpreter.MadeList(Lines(text, a.Flag(0, "keepends", false))),
        ["startswith"] = (text, a) => Any(a, part => text.StartsWith(part, StringComparison.Ordinal)),
        ["endswith"] = (text, a) => Any(a, part => text.EndsWith(part, StringComparison.Ordinal)),
        ["replace"] = (text, a) => Replace(text, a.Text(0, "old"), a.Text(1, "new"), a.Integer(2, "count", -1), a.Interpreter),
        ["upper"] = (text, a) => a.Interpreter.Made(Upper(text)),
        ["lower"] = (text, a) => a.Interpreter.Made(Lower(text)),
        ["casefold"] = (text, a) => a.Interpreter.Made(Lower(text).Replace("ß", "ss", StringComparison.Ordinal)),
        ["title"] = (text, a) => a.Interpreter.Made(Title(text)),
        ["capitalize"] = (text, a) => a.Interpreter.Made(Capitalize(text)),
        ["swapcase"] = (text, a) => a.Interpreter.Made(string.Concat(text.Select(c => char.IsUpper(c) ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c)))),
        ["find"] = (text, a) => Find(text, a.Text(0, "sub"), a.Integer(1, "start", 0), last: false),
        ["rfind"] = (text, a) => Find(text, a.Text(0, "sub"), a.Integer(1, "start", 0), last: true),
        ["index"] = (text, a) => Find(text, a.Text(0, "sub"), a.Integer(1, "start", 0), last: false) is var at and >= 0 ? at : throw new JinjaException("substring not found"),
        ["rindex"] = (text, a) => Find(text, a.Text(0, "sub"), a.Integer(1, "start", 0), last: true) is var at and >= 0 ? at : throw new JinjaException("substring not found"),
        ["count"] = (text, a) => Count(text, a.Text(0, "sub")),
        ["join"] = (text, a) => Join(text, a.Interpreter.Iterate(a.Required(0, "iterable")).Select(item =>
            item as string ?? throw new JinjaException($"join needs strings, not '{Operators.TypeName(item)}'")), a.Interpreter),
        ["isdigit"] = (text, _) => text.Length > 0 && text.EnumerateRunes().All(rune => Rune.IsDigit(rune) || "²³¹⁰⁴⁵⁶⁷⁸⁹".Contains(rune.ToString(), StringComparison.Ordinal)),
        ["isdecimal"] = (text, _) => text.Length > 0 && text.EnumerateRunes().All(Rune.IsDigit),
        ["isnumeric"] = (text, _) => text.Length > 0 && text.EnumerateRunes().All(Rune.IsNumber),
        ["isalpha"] = (text, _) => text.Length > 0 && text.EnumerateRunes().All(Rune.IsLetter),
        ["isalnum"] = (text, _) => text.Length > 0 && text.EnumerateRunes().All(rune => Rune.IsLetter(rune) || Rune.IsNumber(rune)),
        ["isspace"] = (text, _) => text.Length > 0 && text.All(PythonText.IsSpace),
        ["isupper"] = (text, _) => text.EnumerateRunes().Any(Rune.IsUpper) && !text.EnumerateRunes().Any(Rune.IsLower),
        ["islower"] = (text, _) => text.EnumerateRunes().Any(Rune.IsLower) && !text.EnumerateRunes().Any(Rune.IsUpper),
        ["istitle"] = (text, _) => text.Any(char.IsLetter) && Title(text) == text,
        ["isascii"] = (text, _) => Ascii.IsValid(text),
        ["removeprefix"] = (text, a) => a.Text(0, "prefix") is var prefix && text.StartsWith(prefix, StringComparison.Ordinal) ? text[prefix.Length..] : text,
        ["removesuffix"] = (text, a) => a.Text(0, "suffix") is { Length: > 0 } suffix && text.EndsWith(suffix, StringComparison.Ordinal) ? text[..^suffix.Length] : text,
        ["partition"] = (text, a) => Partition(text, a.Text(0, "sep"), last: false),
        ["rpartition"] = (text, a) => Partition(text, a.Text(0, "sep"), last: true),
        ["zfill"] = (text, a) => text.StartsWith('-') || text.StartsWith('+')
            ? text[..1] + Pad(text[1..], a.Integer(0, "width", 0) - 1, "0", left: true, right: false, a.Interpreter)
            : Pad(text, a.Integer(0, "width", 0), "0", left: true, right: false, a.Interpreter),
        ["ljust"] = (text, a) => Pad(text, a.Integer(0, "width", 0), a.Text(1, "fillchar", " "), left: false, right: true, a.Interpreter),
        ["rjust"] = (text, a) => Pad(text, a.Integer(0, "width", 0), a.Text(1, "fillchar", " "), left: true, right: false, a.Interpreter),
        ["center"] = (text, a) => Pad(text, a.Integer(0, "width", 0), a.Text(1, "fillchar", " "), left: true, right: true, a.Interpreter),
        ["format"] = (text, a) => a.Interpreter.Made(Format(text, a)),
    };

    public static Func<string, Arguments, object?>? Find(string name) => Methods.GetValueOrDefault(name);

    /// <summary>Upper case, with the one common letter whose upper case is two.</summary>
    public static string Upper(string text) => text.ToUpperInvariant().Replace("ß", "SS", StringComparison.Ordinal);

    public static string Lower(string text) => text.Replace("İ", "i\u0307", StringComparison.Ordinal).ToLowerInvariant();

    public static string Capitalize(string text) => text.Length == 0 ? "" : Upper(text[..1]) + Lower(text[1..]);

    public static string Replace(string text, string old, string replacement, long count, Interpreter interpreter)
    {
        var result = new StringBuilder();
        var copied = 0;
        for (var from = 0; count != 0; count--)
        {
            var at = from <= text.Length ? text.IndexOf(old, from, StringComparison.Ordinal) : -1;
            if (at < 0)
            {
                break;
            }

            result.Append(text, copied, at - copied).Append(replacement);
            Interpreter.RequireRoom(result.Length);
            copied = at + old.Length;
            if (old.Length == 0)
            {
                // The empty string is found before every character and at the end.
                var width = at < text.Length ? char.IsHighSurrogate(text[at]) && at + 1 < text.Length ? 2 : 1 : 0;
                result.Append(text, at, width);
                copied = at + width;
                from = at + Math.Max(1, width);
            }
            else
            {
                from = copied;
            }
        }

        return interpreter.Made(result.Append(text, copied, text.Length - copied).ToString());
    }

    public static string Join(string separator, IEnumerable<string> parts, Interpreter interpreter)
    {
        var result = new StringBuilder();
        var first = true;
        foreach (var part in parts)
        {
            result.Append(first ? "" : separator).Append(part);
            Interpreter.RequireRoom(result.Length);
            first = false;
        }

        return interpreter.Made(result.ToString());
    }

    /// <summary>Fills up to a width in code points; where both sides are filled, CPython's rule decides which gets the odd one.</summary>
    public static string Pad(string text, long width, string fill, bool left, bool right, Interpreter interpreter)
    {
        var missing = width - PythonText.Length(text);
        if (missing <= 0)
        {
            return text;
        }

        Interpreter.RequireRoom(width);
        var before = left && right ? (missing / 2) + (missing & width & 1) : left ? missing : 0;
        return interpreter.Made(Fill(before) + text + Fill(missing - before));

        string Fill(long count) => new StringBuilder().Insert(0, fill, (int)count).ToString();
    }

    public static List<string> Lines(string text, bool keepEnds)
    {
        var lines = new List<string>();
        for (var start = 0; start < text.Length;)
        {
            var end = text.AsSpan(start).IndexOfAny(LineEnds) is var offset and >= 0 ? start + offset : text.Length;
            var next = end < text.Length ? end + (text[end] == '\r' && end + 1 < text.Length && text[end + 1] == '\n' ? 2 : 1) : end;
            lines.Add(text[start..(keepEnds ? next : end)]);
            start = next;
        }

        return lines;
    }

    public static string Title(string text)
    {
        var result = new StringBuilder(text.Length);
        var inside = false;
        foreach (var unit in text)
        {
            result.Append(inside ? char.ToLowerInvariant(unit) : char.ToUpperInvariant(unit));
            inside = char.IsLetter(unit);
        }

        return result.ToString();
    }

    private static string? Characters(Arguments arguments) => arguments.Optional(0, "chars", null) is null ? null : arguments.Text(0, "chars");

    private static bool Any(Arguments arguments, Func<string, bool> test) => arguments.Required(0, "prefix") switch
    {
        string part => test(part),
        ListValue { IsTuple: true } parts when parts.Items.All(part => part is string) => parts.Items.Any(part => test((string)part!)),
        var other => throw new JinjaException($"expected a string or a tuple of strings, not '{Operators.TypeName(other)}'"),
    };

    private static IEnumerable<string> Split(string text, Arguments arguments)
    {
        var most = arguments.Integer(1, "maxsplit", -1);
        if (arguments.Optional(0, "sep", null) is null)
        {
            for (var start = Skip(0); start < text.Length; start = Skip(start))
            {
                var end = start;
                while (most != 0 && end < text.Length && !PythonText.IsSpace(text[end]))
                {
                    end++;
                }

                end = most == 0 ? text.Length : end;
                yield return text[start..end];
                start = end;
                most--;
            }

            yield break;
        }

        var separator = arguments.Text(0, "sep");
        if (separator.Length == 0)
        {
            throw new JinjaException("empty separator");
        }

        var from = 0;
        while (most != 0 && text.IndexOf(separator, from, StringComparison.Ordinal) is var at and >= 0)
        {
            yield return text[from..at];
            from = at + separator.Length;
            most--;
        }

        yield return text[from..];

        int Skip(int at)
        {
            while (at < text.Length && PythonText.IsSpace(text[at]))
            {
                at++;
            }

            return at;
        }
    }

    private static List<string> SplitFromRight(string text, Arguments arguments)
    {
        var most = arguments.Integer(1, "maxsplit", -1);
        var parts = new List<string>();
        if (arguments.Optional(0, "sep", null) is null)
        {
            for (text = PythonText.Strip(text, null, left: false, right: true); text.Length > 0; most--)
            {
                var at = text.Length;
                while (at > 0 && !PythonText.IsSpace(text[at - 1]))
                {
                    at--;
                }

                at = most == 0 ? 0 : at;
                parts.Add(text[at..]);
                text = PythonText.Strip(text[..at], null, left: false, right: true);
            }
        }
        else
        {
            var separator = arguments.Text(0, "sep");
            if (separator.Length == 0)
            {
                throw new JinjaException("empty separator");
            }

            var end = text.Length;
            while (most != 0 && end >= separator.Length && text.LastIndexOf(separator, end - 1, end, StringComparison.Ordinal) is var at and >= 0)
            {
                parts.Add(text[(at + separator.Length)..end]);
                end = at;
                most--;
            }

            parts.Add(text[..end]);
        }

        parts.Reverse();
        return parts;
    }

    private static long Find(string text, string part, long start, bool last)
    {
        // In code points, as everything that counts characters here.
        var characters = PythonText.Characters(text);
        start = Math.Clamp(start < 0 ? start + characters.Count : start, 0, characters.Count);
        var from = characters.Take((int)start).Sum(character => character.Length);
        var at = last ? text.LastIndexOf(part, StringComparison.Ordinal) : text.IndexOf(part, from, StringComparison.Ordinal);
        return at < from ? -1 : PythonText.Length(text[..at]);
    }

    private static long Count(string text, string part)
    {
        if (part.Length == 0)
        {
            return PythonText.Length(text) + 1;
        }

        var count = 0L;
        for (var at = text.IndexOf(part, StringComparison.Ordinal); at >= 0; at = text.IndexOf(part, at + part.Length, StringComparison.Ordinal))
        {
            count++;
        }

        return count;
    }

    private static ListValue Partition(string text, string separator, bool last)
    {
        if (separator.Length == 0)
        {
            throw new JinjaException("empty separator");
        }

        var at = last ? text.LastIndexOf(separator, StringComparison.Ordinal) : text.IndexOf(separator, StringComparison.Ordinal);
        return new ListValue(
            at >= 0 ? [text[..at], separator, text[(at + separator.Length)..]] : last ? ["", "", text] : [text, "", ""],
            isTuple: true);
    }

    /// <summary><c>str.format</c> with plain fields: <c>{}</c>, <c>{0}</c>, <c>{name}</c>.</summary>
    private static string Format(string text, Arguments arguments)
    {
        var result = new StringBuilder();
        var next = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] is not ('{' or '}'))
            {
                result.Append(text[i]);
            }
            else if (i + 1 < text.Length && text[i + 1] == text[i])
            {
                result.Append(text[i++]);
            }
            else
            {
                var end = text[i] == '{' ? text.IndexOf('}', i) : -1;
                var field = end > 0 ? text[(i + 1)..end] : throw new JinjaException("a single brace in a format");
                object? value;
                if (field.Length == 0 || field.All(char.IsAsciiDigit))
                {
                    var index = field.Length is > 0 and < 6 ? int.Parse(field, CultureInfo.InvariantCulture) : field.Length == 0 ? next < 0 ? -1 : next++ : int.MaxValue;
                    if (field.Length > 0 ? next > 0 : next < 0)
                    {
                        throw new JinjaException("numbered and unnumbered fields in one format");
                    }

                    next = field.Length > 0 ? -1 : next;
                    value = index >= 0 && index < arguments.Count ? arguments.Positional[index] : throw new JinjaException($"the format has no value for field {index}");
                }
                else if (!arguments.Named.TryGetValue(field, out value))
                {
                    throw new JinjaException($"the format field '{field}' has no value, or is more than a plain name");
                }

                result.Append(PythonText.Str(value));
                Interpreter.RequireRoom(result.Length);
                i = end;
            }
        }

        return result.ToString();
    }
}
