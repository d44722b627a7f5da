using System.Text;
using System.Text.Json;

namespace Rlhf.Cli;

/// <summary>Text files as pieces to train on: lines with their ends, in bounded memory whatever the lines' length.</summary>
internal static class TextFiles
{
    private const int MaxPiece = 1 << 20;

    /// <summary>The lines of a file, each with its end; of a .jsonl file the texts of its rows.</summary>
    /// <exception cref="InvalidDataException">If a row of a .jsonl file has no text; the message names file and line.</exception>
    public static IEnumerable<string> Read(string path) =>
        path.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase) ? Rows(path) : Lines(path);

    private static IEnumerable<string> Lines(string path)
    {
        using var reader = new StreamReader(path, Encoding.UTF8);
        var buffer = new char[1 << 16];
        var line = new StringBuilder();
        while (reader.Read(buffer) is var count and > 0)
        {
            for (var start = 0; start < count;)
            {
                var end = Array.IndexOf(buffer, '\n', start, count - start) is var found and >= 0 ? found + 1 : count;
                line.Append(buffer, start, end - start);
                start = end;

                // A line without end is cut behind a whole character.
                if (line[^1] == '\n' || (line.Length >= MaxPiece && !char.IsHighSurrogate(line[^1])))
                {
                    yield return line.ToString();
                    line.Clear();
                }
            }
        }

        if (line.Length > 0)
        {
            yield return line.ToString();
        }
    }

    private static IEnumerable<string> Rows(string path)
    {
        var number = 0;
        foreach (var row in File.ReadLines(path))
        {
            number++;
            if (row.Length > 0)
            {
                yield return Text(row) ?? throw new InvalidDataException($"{path}, line {number}: must be an object with a string \"text\"");
            }
        }
    }

    private static string? Text(string row)
    {
        try
        {
            using var json = JsonDocument.Parse(row);
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("text", out var text) && text.ValueKind == JsonValueKind.String
                ? text.GetString()
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
