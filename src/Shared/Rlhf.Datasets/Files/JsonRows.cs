using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Rlhf.Datasets.Files;

/// <summary>Rows of JSON: an object a line (JSON Lines), or the elements of one array.</summary>
internal static class JsonRows
{
    public static readonly string TooLong = $"longer than {CharacterSource.MaximumRow:N0} characters";

    public static IEnumerable<RawRow> Lines(CharacterSource source)
    {
        while (source.Peek() >= 0)
        {
            var line = source.Line;
            var text = source.ReadLine();
            if (text is null || !string.IsNullOrWhiteSpace(text))
            {
                yield return Parse(line, text);
            }
        }
    }

    public static IEnumerable<RawRow> Array(CharacterSource source)
    {
        source.SkipWhitespace();
        source.Read();
        source.SkipWhitespace();
        var isFirst = true;
        while (source.Peek() != ']')
        {
            if (source.Peek() < 0 || (!isFirst && source.Read() != ','))
            {
                yield return new RawRow(source.Line, null, source.Peek() < 0 ? "the file ends before the array does" : "expected , or ] after an element of the array");
                yield break;
            }

            isFirst = false;
            source.SkipWhitespace();
            var line = source.Line;
            if (source.Peek() is '{')
            {
                yield return Parse(line, Element(source));
            }
            else
            {
                yield return new RawRow(line, null, "expected a JSON object");
                Element(source);
            }

            source.SkipWhitespace();
        }
    }

    public static JsonObject? TryParse(string text, out string? fault)
    {
        fault = null;
        try
        {
            var node = JsonNode.Parse(text);
            if (node is JsonObject columns)
            {
                // Reading a key shows whether one stands twice.
                _ = columns.ContainsKey("");
                return columns;
            }

            fault = "expected a JSON object";
        }
        catch (Exception exception) when (exception is JsonException or ArgumentException)
        {
            fault = exception is JsonException ? $"not valid JSON: {exception.Message}" : "a field stands twice";
        }

        return null;
    }

    private static RawRow Parse(int line, string? text) =>
        text is null ? new RawRow(line, null, TooLong) : new RawRow(line, TryParse(text, out var fault), fault);

    // Up to where brackets outside of strings are closed again; what is inside is the parser's to judge. Null: too long.
    private static string? Element(CharacterSource source)
    {
        var text = new StringBuilder();
        var (depth, length) = (0, 0L);
        var (inString, escaped) = (false, false);
        while (source.Peek() is var next and >= 0)
        {
            if (depth == 0 && !inString && next is (',' or ']'))
            {
                break;
            }

            source.Read();
            if (++length <= CharacterSource.MaximumRow)
            {
                text.Append((char)next);
            }

            if (inString)
            {
                inString = escaped || next != '"';
                escaped = !escaped && next == '\\';
            }
            else
            {
                inString = next == '"';
                depth += next is '{' or '[' ? 1 : next is '}' or ']' ? -1 : 0;
                if (depth == 0 && (next is '}' or ']'))
                {
                    break;
                }
            }
        }

        return length > CharacterSource.MaximumRow ? null : text.ToString();
    }
}
