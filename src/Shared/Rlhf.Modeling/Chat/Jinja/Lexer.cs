using System.Globalization;
using System.Text;

namespace Rlhf.Modeling.Chat.Jinja;

internal enum TokenKind
{
    Data,
    BlockBegin,
    BlockEnd,
    VariableBegin,
    VariableEnd,
    Name,
    Text,
    Integer,
    Float,
    Operator,
    End,
}

internal readonly record struct Token(TokenKind Kind, string Value, int Line);

/// <summary>
/// Cuts a template into tokens as Jinja does with trim_blocks and lstrip_blocks on (jinja2, lexer.py): a line end right behind a block tag
/// goes, and so does the white space between a line's start and a block tag; <c>-</c> takes all white space, <c>+</c> keeps it.
/// </summary>
internal sealed class Lexer
{
    private static readonly string[] Operators = ["**", "//", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"];

    private readonly string _source;
    private readonly List<Token> _tokens = [];
    private int _at;
    private int _line = 1;

    // Whether what came before ended a line; then a block tag with only white space before it loses that, too.
    private bool _lineStarting = true;

    private Lexer(string source) => _source = source;

    public static List<Token> Read(string source)
    {
        source = source.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        var lexer = new Lexer(source.EndsWith('\n') ? source[..^1] : source);
        lexer.Template();
        lexer._tokens.Add(new Token(TokenKind.End, "", lexer._line));
        return lexer._tokens;
    }

    private JinjaException Fault(string message) => new(message, _line);

    private void Template()
    {
        while (_at < _source.Length)
        {
            var tag = NextTag();
            if (tag < 0)
            {
                Data(_source[_at..]);
                Advance(_source.Length);
                return;
            }

            var kind = _source[tag + 1];
            var sign = tag + 2 < _source.Length && _source[tag + 2] is '-' or '+' ? _source[tag + 2] : ' ';

            // Variables have no +: there it is a sign of the expression.
            sign = kind == '{' && sign == '+' ? ' ' : sign;
            var text = _source[_at..tag];
            if (sign == '-')
            {
                text = PythonText.Strip(text, null, left: false, right: true);
            }
            else if (sign != '+' && kind != '{')
            {
                var lineStart = text.LastIndexOf('\n') + 1;
                if ((lineStart > 0 || _lineStarting) && PythonText.Strip(text[lineStart..], null, left: true, right: false).Length == 0)
                {
                    text = text[..lineStart];
                }
            }

            Data(text);
            Advance(tag + 2 + (sign == ' ' ? 0 : 1));
            switch (kind)
            {
                case '#':
                    Comment();
                    break;
                case '%':
                    if (!Raw())
                    {
                        Tag(TokenKind.BlockBegin, TokenKind.BlockEnd, "%}");
                    }

                    break;
                default:
                    Tag(TokenKind.VariableBegin, TokenKind.VariableEnd, "}}");
                    break;
            }
        }
    }

    private int NextTag()
    {
        for (var i = _at; i + 1 < _source.Length; i++)
        {
            if (_source[i] == '{' && (_source[i + 1] is '{' or '%' or '#'))
            {
                return i;
            }
        }

        return -1;
    }

    private void Data(string text)
    {
        if (text.Length > 0)
        {
            _tokens.Add(new Token(TokenKind.Data, text, _line));
        }
    }

    private void Advance(int to)
    {
        _line += _source.AsSpan(_at, to - _at).Count('\n');
        _lineStarting = to > _at ? _source[to - 1] == '\n' : _lineStarting;
        _at = to;
    }

    private void Comment()
    {
        var end = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (end < 0)
        {
            throw Fault("a comment has no end");
        }

        var sign = end > _at && _source[end - 1] is '-' or '+' ? _source[end - 1] : ' ';
        Advance(end + 2);
        AfterTag(sign, trimLine: true);
    }

    /// <summary>What a tag's end takes with it: all white space for <c>-</c>, one line end behind a block.</summary>
    private void AfterTag(char sign, bool trimLine)
    {
        var end = _at;
        if (sign == '-')
        {
            while (end < _source.Length && PythonText.IsSpace(_source[end]))
            {
                end++;
            }
        }
        else if (sign != '+' && trimLine && end < _source.Length && _source[end] == '\n')
        {
            end++;
        }

        Advance(end);
    }

    /// <summary>A raw block, whose content is data; false if this block is another.</summary>
    private bool Raw()
    {
        var at = SkipSpace(_at);
        if (!Word(at, "raw"))
        {
            return false;
        }

        at = SkipSpace(at + 3);
        var sign = at < _source.Length && _source[at] is '-' or '+' ? _source[at++] : ' ';
        if (!At(at, "%}"))
        {
            return false;
        }

        Advance(at + 2);
        AfterTag(sign, trimLine: true);
        for (var tag = _source.IndexOf("{%", _at, StringComparison.Ordinal); tag >= 0; tag = _source.IndexOf("{%", tag + 2, StringComparison.Ordinal))
        {
            var inside = tag + 2;
            var before = inside < _source.Length && _source[inside] is '-' or '+' ? _source[inside++] : ' ';
            inside = SkipSpace(inside);
            if (!Word(inside, "endraw"))
            {
                continue;
            }

            inside = SkipSpace(inside + 6);
            var after = inside < _source.Length && _source[inside] is '-' or '+' ? _source[inside++] : ' ';
            if (!At(inside, "%}"))
            {
                continue;
            }

            var text = _source[_at..tag];
            var lineStart = text.LastIndexOf('\n') + 1;
            text = before == '-' ? PythonText.Strip(text, null, left: false, right: true)
                : before != '+' && (lineStart > 0 || _lineStarting) && text.AsSpan(lineStart).TrimStart(" \t").Length == 0 ? text[..lineStart]
                : text;
            Data(text);
            Advance(inside + 2);
            AfterTag(after, trimLine: true);
            return true;
        }

        throw Fault("a raw block has no endraw");
    }

    private int SkipSpace(int at)
    {
        while (at < _source.Length && PythonText.IsSpace(_source[at]))
        {
            at++;
        }

        return at;
    }

    private bool At(int at, string text) => string.CompareOrdinal(_source, at, text, 0, text.Length) == 0;

    private bool Word(int at, string word) => At(at, word) && (at + word.Length >= _source.Length || !IsNamePart(_source[at + word.Length]));

    private static bool IsNamePart(char value) => value == '_' || char.IsLetterOrDigit(value);

    private void Tag(TokenKind begin, TokenKind end, string close)
    {
        var opened = _line;
        _tokens.Add(new Token(begin, "", _line));
        var open = new Stack<char>();
        while (true)
        {
            Advance(SkipSpace(_at));
            if (_at >= _source.Length)
            {
                throw new JinjaException($"the tag opened here has no '{close}'", opened);
            }

            var sign = _source[_at] is '-' or '+' && At(_at + 1, close) && (_source[_at] == '-' || close == "%}") ? _source[_at] : ' ';
            if (open.Count == 0 && (sign != ' ' || At(_at, close)))
            {
                _tokens.Add(new Token(end, "", _line));
                Advance(_at + close.Length + (sign == ' ' ? 0 : 1));
                AfterTag(sign, trimLine: close == "%}");
                return;
            }

            Expression(open);
        }
    }

    private void Expression(Stack<char> open)
    {
        var first = _source[_at];
        if (first == '_' || char.IsLetter(first))
        {
            var end = _at;
            while (end < _source.Length && IsNamePart(_source[end]))
            {
                end++;
            }

            Add(TokenKind.Name, _source[_at..end], end);
        }
        else if (char.IsAsciiDigit(first))
        {
            Number();
        }
        else if (first is '"' or '\'')
        {
            Text(first);
        }
        else if (Array.Find(Operators, op => At(_at, op)) is { } op)
        {
            if (op is "(" or "[" or "{")
            {
                open.Push(op[0]);
            }
            else if (op is ")" or "]" or "}" && (!open.TryPop(out var opening) || (opening, op[0]) is not (('(', ')') or ('[', ']') or ('{', '}'))))
            {
                throw Fault($"unexpected '{op}'");
            }

            Add(TokenKind.Operator, op, _at + op.Length);
        }
        else
        {
            throw Fault($"unexpected character '{first}'");
        }
    }

    private void Add(TokenKind kind, string value, int end)
    {
        _tokens.Add(new Token(kind, value, _line));
        Advance(end);
    }

    private void Number()
    {
        var end = _at;
        while (end < _source.Length && (char.IsAsciiDigit(_source[end]) || _source[end] == '_'))
        {
            end++;
        }

        var isFloat = false;
        if (end + 1 < _source.Length && _source[end] == '.' && char.IsAsciiDigit(_source[end + 1]))
        {
            isFloat = true;
            end++;
            while (end < _source.Length && (char.IsAsciiDigit(_source[end]) || _source[end] == '_'))
            {
                end++;
            }
        }

        if (end < _source.Length && _source[end] is 'e' or 'E')
        {
            var exponent = end + 1;
            exponent += exponent < _source.Length && _source[exponent] is '+' or '-' ? 1 : 0;
            if (exponent < _source.Length && char.IsAsciiDigit(_source[exponent]))
            {
                isFloat = true;
                end = exponent;
                while (end < _source.Length && char.IsAsciiDigit(_source[end]))
                {
                    end++;
                }
            }
        }

        Add(isFloat ? TokenKind.Float : TokenKind.Integer, _source[_at..end].Replace("_", "", StringComparison.Ordinal), end);
    }

    private void Text(char quote)
    {
        var text = new StringBuilder();
        var i = _at + 1;
        for (; i < _source.Length && _source[i] != quote; i++)
        {
            if (_source[i] != '\\' || i + 1 == _source.Length)
            {
                text.Append(_source[i]);
                continue;
            }

            var letter = _source[++i];
            switch (letter)
            {
                case 'n':
                    text.Append('\n');
                    break;
                case 't':
                    text.Append('\t');
                    break;
                case 'r':
                    text.Append('\r');
                    break;
                case 'b':
                    text.Append('\b');
                    break;
                case 'f':
                    text.Append('\f');
                    break;
                case 'v':
                    text.Append('\v');
                    break;
                case 'a':
                    text.Append('\a');
                    break;
                case '\n':
                    break;
                case '\\' or '\'' or '"':
                    text.Append(letter);
                    break;
                case 'x' or 'u' or 'U':
                    var digits = letter == 'x' ? 2 : letter == 'u' ? 4 : 8;
                    if (i + digits >= _source.Length || !int.TryParse(_source.AsSpan(i + 1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
                        || value > 0x10FFFF || value < 0)
                    {
                        throw Fault($"\\{letter} must be followed by {digits} hexadecimal digits");
                    }

                    text.Append(value >= 0x10000 ? new Rune(value).ToString() : ((char)value).ToString());
                    i += digits;
                    break;
                case >= '0' and <= '7':
                    var octal = letter - '0';
                    for (var count = 1; count < 3 && i + 1 < _source.Length && _source[i + 1] is >= '0' and <= '7'; count++)
                    {
                        octal = (octal * 8) + _source[++i] - '0';
                    }

                    text.Append((char)octal);
                    break;
                default:
                    text.Append('\\').Append(letter);
                    break;
            }
        }

        if (i >= _source.Length)
        {
            throw Fault("a string has no end");
        }

        Add(TokenKind.Text, text.ToString(), i + 1);
    }
}
