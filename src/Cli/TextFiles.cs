using System.Text;
using Rlhf.Datasets;

namespace Rlhf.Cli;

/// <summary>Text files as pieces to train on: lines with their ends, in bounded memory whatever the lines' length.</summary>
internal static class TextFiles
{
    private const int MaxPiece = 1 << 20;

    /// <summary>The lines of a file, each with its end; of a .jsonl file the texts of its rows.</summary>
    /// <exception cref="DatasetException">After the last row, if any of a .jsonl file has no text; the message names file and lines.</exception>
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
        using var reader = DatasetReader.Open(path, DatasetFormat.Named("language-modeling"));
        foreach (var row in reader.Rows())
        {
            yield return row.Completions[0].AsText();
        }
    }
}
