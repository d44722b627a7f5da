using System.Globalization;
using System.Text;

namespace Rlhf.Modeling.Tokenization.Patterns;

/// <summary>
/// Reads a regular expression in the syntax tokenizer.json files use (Oniguruma's, as the reference library reads it) and writes it for
/// <see cref="System.Text.RegularExpressions"/> over a text in which every character beyond the basic plane is one stand-in unit. Every
/// character class is written out as a set of ranges, so that no class depends on .NET's reading of it. Groups capture nothing.
/// </summary>
internal sealed class PatternTranslator
{
    private const int MaxDepth = 100, MaxLength = 1 << 16, MaxRepeat = 1000;

    private readonly string _pattern;
    private readonly List<object> _output = [];
    private int _at;
    private int _depth;
    private bool _ignoreCase;
    private bool _dotAll;

    private PatternTranslator(string pattern) => _pattern = pattern;

    /// <summary>Whether the pattern holds a construct that needs the backtracking engine.</summary>
    public bool NeedsBacktracking { get; private set; }

    /// <summary>The pieces in order: text of the .NET pattern, or a set that stands for one character.</summary>
    public IReadOnlyList<object> Pieces => _output;

    /// <summary>Reads a pattern.</summary>
    /// <exception cref="InvalidDataException">If it is malformed or uses a construct that has no translation; the message names it and its place.</exception>
    public static PatternTranslator Read(string pattern)
    {
        var translator = new PatternTranslator(pattern);
        if (pattern.Length > MaxLength)
        {
            throw new InvalidDataException($"the pattern has {pattern.Length} characters; at most {MaxLength} are read");
        }

        translator.Alternatives();
        return translator._at == pattern.Length ? translator : throw translator.Fault("unmatched ')'");
    }

    private bool More => _at < _pattern.Length;

    private InvalidDataException Fault(string what) => new($"pattern \"{_pattern}\", character {_at}: {what}");

    private InvalidDataException Unsupported(string construct) => Fault($"{construct} is not supported");

    private bool Take(string text)
    {
        if (string.CompareOrdinal(_pattern, _at, text, 0, text.Length) != 0)
        {
            return false;
        }

        _at += text.Length;
        return true;
    }

    private void Alternatives()
    {
        if (++_depth > MaxDepth)
        {
            throw Fault($"groups are nested deeper than {MaxDepth}");
        }

        var (ignoreCase, dotAll) = (_ignoreCase, _dotAll);
        while (More && _pattern[_at] != ')')
        {
            if (Take("|"))
            {
                _output.Add("|");
            }
            else
            {
                Quantified();
            }
        }

        (_ignoreCase, _dotAll) = (ignoreCase, dotAll);
        _depth--;
    }

    private void Quantified()
    {
        var start = _output.Count;
        if (!Atom())
        {
            return;
        }

        while (Quantifier(out var quantifier, out var mode))
        {
            _output.Insert(start, mode == '+' ? "(?>(?:" : "(?:");
            _output.Add(")" + quantifier + (mode == '?' ? "?" : mode == '+' ? ")" : ""));
            NeedsBacktracking |= mode == '+';
        }
    }

    /// <summary>Reads <c>? * + {n} {n,} {n,m} {,m}</c> and what follows: <c>?</c> lazy, <c>+</c> possessive (not after braces).</summary>
    private bool Quantifier(out string quantifier, out char mode)
    {
        (quantifier, mode) = ("", ' ');
        if (!More)
        {
            return false;
        }

        var braces = _pattern[_at] == '{';
        if (braces)
        {
            if (!Braces(out quantifier))
            {
                return false;
            }
        }
        else if (_pattern[_at] is '?' or '*' or '+')
        {
            quantifier = _pattern[_at++].ToString();
        }
        else
        {
            return false;
        }

        if (More && (_pattern[_at] == '?' || (_pattern[_at] == '+' && !braces)))
        {
            mode = _pattern[_at++];
        }

        return true;
    }

    private bool Braces(out string quantifier)
    {
        quantifier = "";
        var end = _pattern.IndexOf('}', _at);
        if (end < 0)
        {
            return false;
        }

        var bounds = _pattern[(_at + 1)..end].Split(',');
        if (bounds.Length > 2 || bounds.All(string.IsNullOrEmpty) || bounds.Any(bound => bound.Length > 0 && !bound.All(char.IsAsciiDigit)))
        {
            return false;
        }

        if (bounds.Any(bound => bound.Length > 4 || (bound.Length > 0 && int.Parse(bound, CultureInfo.InvariantCulture) > MaxRepeat)))
        {
            throw Fault($"a repeat count above {MaxRepeat} is not supported");
        }

        quantifier = bounds.Length == 1 ? $"{{{bounds[0]}}}" : $"{{{(bounds[0].Length > 0 ? bounds[0] : "0")},{bounds[1]}}}";
        _at = end + 1;
        return true;
    }

    /// <summary>Reads one atom; false if it was a setting that matches nothing by itself.</summary>
    private bool Atom()
    {
        switch (_pattern[_at])
        {
            case '(':
                return Group();
            case '[':
                _at++;
                _output.Add(Cased(Class()));
                return true;
            case '.':
                _at++;
                _output.Add(_dotAll ? CodePointSet.All : CodePointSet.Of('\n').Complement());
                return true;
            case '^':
                _at++;
                _output.Add("(?<![^\\n])");
                NeedsBacktracking = true;
                return true;
            case '$':
                _at++;
                _output.Add("(?![^\\n])");
                NeedsBacktracking = true;
                return true;
            case '\\':
                return Escape();
            case '?' or '*' or '+':
                throw Fault("nothing to repeat");
            default:
                _output.Add(Cased(CodePointSet.Of(Literal())));
                return true;
        }
    }

    private CodePointSet Cased(CodePointSet set) => _ignoreCase ? NamedSets.IgnoreCase(set) : set;

    private int Literal()
    {
        if (Rune.DecodeFromUtf16(_pattern.AsSpan(_at), out var rune, out var width) != System.Buffers.OperationStatus.Done)
        {
            throw Fault("half a character");
        }

        _at += width;
        return rune.Value;
    }

    private bool Group()
    {
        var (ignoreCase, dotAll) = (_ignoreCase, _dotAll);
        _at++;
        if (Take("?#"))
        {
            _at = _pattern.IndexOf(')', _at) is var end and >= 0 ? end + 1 : throw Fault("unfinished comment");
            return false;
        }

        var open = "(?:";
        if (Take("?:"))
        {
        }
        else if (Take("?="))
        {
            open = "(?=";
        }
        else if (Take("?!"))
        {
            open = "(?!";
        }
        else if (Take("?<="))
        {
            open = "(?<=";
        }
        else if (Take("?<!"))
        {
            open = "(?<!";
        }
        else if (Take("?>"))
        {
            open = "(?>";
        }
        else if (Take("?<") || Take("?P<"))
        {
            _at = _pattern.IndexOf('>', _at) is var end and >= 0 ? end + 1 : throw Fault("unfinished group name");
        }
        else if (Take("?"))
        {
            if (!Flags())
            {
                // (?i) holds to the end of the enclosing group.
                return false;
            }
        }

        NeedsBacktracking |= open != "(?:";
        _output.Add(open);
        Alternatives();
        (_ignoreCase, _dotAll) = (ignoreCase, dotAll);
        _output.Add(")");
        return Take(")") ? true : throw Fault("missing ')'");
    }

    /// <summary>Reads flags such as <c>i-m:</c>; true if a group follows, false if they stand alone.</summary>
    private bool Flags()
    {
        var on = true;
        for (; More; _at++)
        {
            switch (_pattern[_at])
            {
                case '-':
                    on = false;
                    break;
                case 'i':
                    _ignoreCase = on;
                    break;
                case 'm' or 's':
                    // Ruby's m is what others call s: a dot takes line ends, too.
                    _dotAll = on;
                    break;
                case ':' or ')':
                    return _pattern[_at++] == ':';
                default:
                    throw Unsupported($"(?{_pattern[_at]}");
            }
        }

        throw Fault("unfinished group");
    }

    private bool Escape()
    {
        _at++;
        if (!More)
        {
            throw Fault("the pattern ends in a backslash");
        }

        switch (_pattern[_at])
        {
            case 'A':
                _at++;
                _output.Add("\\A");
                return true;
            case 'z':
                _at++;
                _output.Add("\\z");
                return true;
            case 'Z':
                _at++;
                _output.Add("\\Z");
                return true;
            case 'b' or 'B' when _pattern[_at++] is var boundary:
                var word = NamedSets.Word;
                _output.AddRange(boundary == 'b'
                    ? ["(?:(?<=", word, ")(?!", word, ")|(?<!", word, ")(?=", word, "))"]
                    : ["(?:(?<=", word, ")(?=", word, ")|(?<!", word, ")(?!", word, "))"]);
                NeedsBacktracking = true;
                return true;
            case >= '1' and <= '9':
                throw Unsupported($"the back reference \\{_pattern[_at]}");
            case 'k' or 'g' or 'R' or 'X' or 'K' or 'G' or 'y' or 'Y' or 'N' or 'O':
                throw Unsupported($"\\{_pattern[_at]}");
            default:
                _output.Add(Cased(EscapedSet()));
                return true;
        }
    }

    /// <summary>The set an escape stands for, inside or outside a class; the position is behind the backslash.</summary>
    private CodePointSet EscapedSet()
    {
        var letter = _pattern[_at++];
        switch (letter)
        {
            case 's':
                return NamedSets.Space;
            case 'S':
                return NamedSets.Space.Complement();
            case 'd':
                return NamedSets.Digit;
            case 'D':
                return NamedSets.Digit.Complement();
            case 'w':
                return NamedSets.Word;
            case 'W':
                return NamedSets.Word.Complement();
            case 'h':
                return NamedSets.HexDigit;
            case 'H':
                return NamedSets.HexDigit.Complement();
            case 'p' or 'P':
                return Property(letter == 'P');
            default:
                _at--;
                return CodePointSet.Of(EscapedCharacter());
        }
    }

    private int EscapedCharacter()
    {
        var letter = _pattern[_at];
        switch (letter)
        {
            case 'n':
                _at++;
                return '\n';
            case 'r':
                _at++;
                return '\r';
            case 't':
                _at++;
                return '\t';
            case 'f':
                _at++;
                return '\f';
            case 'v':
                _at++;
                return '\v';
            case 'a':
                _at++;
                return '\a';
            case 'e':
                _at++;
                return 0x1B;
            case '0':
                _at++;
                return 0;
            case 'x':
                _at++;
                return Take("{") ? Hex(_pattern.IndexOf('}', _at), 1) : Hex(Math.Min(_at + 2, _pattern.Length), 0);
            case 'u':
                _at++;
                return Take("{") ? Hex(_pattern.IndexOf('}', _at), 1) : Hex(Math.Min(_at + 4, _pattern.Length), 0);
            default:
                return char.IsAsciiLetterOrDigit(letter) ? throw Unsupported($"\\{letter}") : Literal();
        }
    }

    private int Hex(int end, int closing)
    {
        if (end <= _at || !int.TryParse(_pattern.AsSpan(_at, end - _at), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            || !Rune.IsValid(value))
        {
            throw Fault("not the number of a character");
        }

        _at = end + closing;
        return value;
    }

    private CodePointSet Property(bool negated)
    {
        string name;
        if (Take("{"))
        {
            negated ^= Take("^");
            var end = _pattern.IndexOf('}', _at);
            name = end > 0 ? _pattern[_at..end] : throw Fault("unfinished \\p{");
            _at = end + 1;
        }
        else
        {
            name = More ? _pattern[_at++].ToString() : throw Fault("unfinished \\p");
        }

        var set = NamedSets.Find(name) ?? throw Unsupported($"\\p{{{name}}}");
        return negated ? set.Complement() : set;
    }

    /// <summary>A class behind its opening bracket: ranges, escapes, nested classes, POSIX names, <c>&amp;&amp;</c>.</summary>
    private CodePointSet Class()
    {
        if (++_depth > MaxDepth)
        {
            throw Fault($"classes are nested deeper than {MaxDepth}");
        }

        var negated = Take("^");
        var parts = new List<CodePointSet>();
        CodePointSet? intersection = null;
        for (var first = true; ; first = false)
        {
            if (!More)
            {
                throw Fault("missing ']'");
            }

            if (_pattern[_at] == ']' && !first)
            {
                _at++;
                break;
            }

            if (Take("&&"))
            {
                intersection = Both(intersection, CodePointSet.Union(parts));
                parts.Clear();
            }
            else if (Take("[:"))
            {
                var end = _pattern.IndexOf(":]", _at, StringComparison.Ordinal);
                var name = end > 0 ? _pattern[_at..end] : throw Fault("unfinished [:");
                var set = NamedSets.Find(name.TrimStart('^')) ?? throw Unsupported($"[:{name}:]");
                parts.Add(name.StartsWith('^') ? set.Complement() : set);
                _at = end + 2;
            }
            else if (Take("["))
            {
                parts.Add(Class());
            }
            else
            {
                parts.Add(Range());
            }
        }

        _depth--;
        var result = Both(intersection, CodePointSet.Union(parts));
        return negated ? Cased(result).Complement() : result;

        static CodePointSet Both(CodePointSet? left, CodePointSet right) => left is null ? right : left.Intersect(right);
    }

    private CodePointSet Range()
    {
        int low;
        if (Take("\\"))
        {
            if (!More)
            {
                throw Fault("the pattern ends in a backslash");
            }

            if (_pattern[_at] is 's' or 'S' or 'd' or 'D' or 'w' or 'W' or 'h' or 'H' or 'p' or 'P')
            {
                return EscapedSet();
            }

            low = _pattern[_at] == 'b' ? '\b' : EscapedCharacter();
            _at += low == '\b' && _pattern[_at] == 'b' ? 1 : 0;
        }
        else
        {
            low = Literal();
        }

        if (_at + 1 >= _pattern.Length || _pattern[_at] != '-' || _pattern[_at + 1] is ']' or '[')
        {
            return CodePointSet.Of(low);
        }

        _at++;
        var high = Take("\\") && More ? EscapedCharacter() : Literal();
        return high >= low ? CodePointSet.Of([(low, high)]) : throw Fault("a range that runs backwards");
    }
}
