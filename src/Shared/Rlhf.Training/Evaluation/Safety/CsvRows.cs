using System.Text;

namespace Rlhf.Training.Evaluation.Safety;

/// <summary>Rows of a comma-separated file (RFC 4180): a field in double quotes may hold commas, line breaks and doubled quotes.</summary>
internal static class CsvRows
{
    private const int MaxRow = 1 << 20;

    /// <summary>The rows with the numbers of the lines they begin in, from 1; blank lines do not count.</summary>
    /// <exception cref="InvalidDataException">If a quote does not end, or a row is longer than 2^20 characters.</exception>
    public static IEnumerable<(string[] Fields, int Number)> Read(string path)
    {
        using var reader = new StreamReader(path, Encoding.UTF8);
        var (field, fields) = (new StringBuilder(), new List<string>());
        var (quoted, line, first, length) = (false, 1, 1, 0);
        while (reader.Read() is var c and >= 0)
        {
            if (++length > MaxRow)
            {
                throw new InvalidDataException($"{path}, line {first}: the row has more than {MaxRow} characters{(quoted ? ": its quote does not end" : "")}.");
            }

            if (c == '"' && quoted && reader.Peek() == '"')
            {
                field.Append((char)reader.Read());
            }
            else if (c == '"')
            {
                quoted = !quoted;
            }
            else if (c == ',' && !quoted)
            {
                Take();
            }
            else if (c == '\n' && !quoted)
            {
                line++;
                if (Row() is { } row)
                {
                    yield return (row, first);
                }

                (first, length) = (line, 0);
            }
            else if (c != '\r' || quoted)
            {
                line += c == '\n' ? 1 : 0;
                field.Append((char)c);
            }
        }

        if (quoted)
        {
            throw new InvalidDataException($"{path}, line {first}: its quote does not end.");
        }

        if (Row() is { } last)
        {
            yield return (last, first);
        }

        void Take()
        {
            fields.Add(field.ToString());
            field.Clear();
        }

        string[]? Row()
        {
            Take();
            string[]? row = fields is [""] ? null : [.. fields];
            fields.Clear();
            return row;
        }
    }
}
