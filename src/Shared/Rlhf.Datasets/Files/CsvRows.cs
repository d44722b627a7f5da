using System.Text;
using System.Text.Json.Nodes;

namespace Rlhf.Datasets.Files;

/// <summary>
/// Comma-separated values (RFC 4180): the first record names the columns, a quoted field may hold commas, quotes and line breaks. An empty field is no value.
/// A first column without a name is the row number that pandas writes, and is left out.
/// </summary>
internal static class CsvRows
{
    public static IEnumerable<RawRow> Read(CharacterSource source)
    {
        var (header, fault) = Record(source);
        if (header is null || header.Distinct(StringComparer.Ordinal).Count() != header.Count || header.Where((name, i) => string.IsNullOrWhiteSpace(name) && (i > 0 || header.Count == 1)).Any())
        {
            yield return new RawRow(1, null, fault ?? "the first line must name the columns, each once");
            yield break;
        }

        while (source.Peek() >= 0)
        {
            var line = source.Line;
            (var fields, fault) = Record(source);
            if (fields is [""])
            {
                continue;
            }

            if (fields is null || fields.Count != header.Count)
            {
                yield return new RawRow(line, null, fault ?? $"{fields!.Count} fields; the header has {header.Count}");
                continue;
            }

            var columns = new JsonObject();
            for (var i = 0; i < fields.Count; i++)
            {
                if (fields[i].Length > 0 && header[i].Length > 0)
                {
                    columns[header[i]] = fields[i];
                }
            }

            yield return new RawRow(line, columns);
        }
    }

    public static string Field(string value) => value.AsSpan().IndexOfAny(",\"\r\n") >= 0 || value.Length > 0 && (value[0] == ' ' || value[^1] == ' ')
        ? $"\"{value.Replace("\"", "\"\"", StringComparison.Ordinal)}\""
        : value;

    private static (List<string>? Fields, string? Fault) Record(CharacterSource source)
    {
        var fields = new List<string>();
        var field = new StringBuilder();
        var length = 0L;
        var (quoted, closed, stray) = (false, false, false);
        while (true)
        {
            var next = source.Read();
            if (quoted && next >= 0)
            {
                if (next != '"')
                {
                    Append((char)next);
                }
                else if (source.Peek() == '"')
                {
                    Append((char)source.Read());
                }
                else
                {
                    (quoted, closed) = (false, true);
                }

                continue;
            }

            if (next is -1 or '\n' or ',')
            {
                if (!closed && field.Length > 0 && field[^1] == '\r' && next != ',')
                {
                    field.Length--;
                }

                fields.Add(field.ToString());
                field.Clear();
                closed = false;
                if (next == ',')
                {
                    continue;
                }

                return length > CharacterSource.MaximumRow ? (null, JsonRows.TooLong)
                    : quoted ? (null, "a quoted field does not end")
                    : stray ? (null, "a quote stands inside a field that does not begin with one")
                    : (fields, null);
            }

            if (next == '"' && field.Length == 0 && !closed)
            {
                quoted = true;
            }
            else if (next != '\r' || !closed)
            {
                stray |= next == '"' || closed;
                Append((char)next);
            }
        }

        void Append(char character)
        {
            if (++length <= CharacterSource.MaximumRow)
            {
                field.Append(character);
            }
        }
    }
}
