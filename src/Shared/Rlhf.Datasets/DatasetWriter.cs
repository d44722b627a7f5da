using System.IO.Compression;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rlhf.Datasets.Files;

namespace Rlhf.Datasets;

/// <summary>Writes a data set in any known format; the file's ending says how: .json, .jsonl, .csv or .txt, and .gz behind it compresses.</summary>
public static class DatasetWriter
{
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes the rows; the file appears complete or not at all.</summary>
    /// <param name="path">The file.</param>
    /// <param name="format">The format; rows of another type are converted (<see cref="RowConversion"/>).</param>
    /// <param name="rows">The rows; taken one by one.</param>
    /// <returns>How many rows were written.</returns>
    /// <exception cref="DatasetException">If the ending is unknown, or rows cannot be said in the format: the first 20 by line and reason.</exception>
    public static int Write(string path, DatasetFormat format, IEnumerable<DatasetRow> rows)
    {
        ArgumentNullException.ThrowIfNull(format);
        ArgumentNullException.ThrowIfNull(rows);
        var container = ContainerOf(path, format);
        var full = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        var temporary = Path.Combine(Path.GetDirectoryName(full)!, $".{Path.GetFileName(full)}.{Guid.NewGuid():N}.tmp");
        try
        {
            var faults = new FaultList();
            var count = 0;
            using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                using Stream bytes = full.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? new GZipStream(file, CompressionLevel.Optimal, leaveOpen: true) : file;
                using var text = new StreamWriter(bytes, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), 1 << 16, leaveOpen: true) { NewLine = "\n" };
                string[]? header = null;
                text.Write(container == DatasetContainer.Json ? "[" : "");
                foreach (var row in rows)
                {
                    try
                    {
                        foreach (var columns in format.ColumnsOf(row).ToArray())
                        {
                            WriteRow(text, container, columns, count, ref header);
                            count++;
                        }
                    }
                    catch (FormatException exception)
                    {
                        faults.Add(row.Line, exception.Message);
                    }
                }

                text.Write(container == DatasetContainer.Json ? "\n]\n" : "");
                text.Flush();
                file.Flush(flushToDisk: true);
            }

            if (faults.Count > 0)
            {
                throw new DatasetException($"{path}: {faults.Count} rows cannot be written as {format}. Nothing was written.\n  {faults}");
            }

            File.Move(temporary, full, overwrite: true);
            return count;
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private static DatasetContainer ContainerOf(string path, DatasetFormat format)
    {
        var ending = Path.GetExtension(path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path).ToLowerInvariant();
        var container = ending switch
        {
            ".json" => DatasetContainer.Json,
            ".jsonl" => DatasetContainer.JsonLines,
            ".csv" => DatasetContainer.Csv,
            ".txt" => DatasetContainer.Text,
            _ => throw new DatasetException($"{path}: the ending \"{ending}\" says nothing; legal are .json, .jsonl, .csv and .txt, each with .gz or without."),
        };
        return (container == DatasetContainer.Text) == (format == DatasetFormat.Text)
            ? container
            : throw new DatasetException($"{path}: {format} {(container == DatasetContainer.Text ? "does not go into a .txt file" : "is written to a .txt file")}.");
    }

    private static void WriteRow(StreamWriter text, DatasetContainer container, JsonObject columns, int count, ref string[]? header)
    {
        switch (container)
        {
            case DatasetContainer.Json:
                text.Write(count == 0 ? "\n" : ",\n");
                text.Write(columns.ToJsonString(Json));
                break;
            case DatasetContainer.JsonLines:
                text.WriteLine(columns.ToJsonString(Json));
                break;
            case DatasetContainer.Text:
                text.WriteLine(columns["text"]!.GetValue<string>());
                break;
            default:
                if (header is null)
                {
                    header = [.. columns.Select(c => c.Key)];
                    text.WriteLine(string.Join(',', header.Select(CsvRows.Field)));
                }

                var names = header;
                if (columns.FirstOrDefault(c => !names.Contains(c.Key)).Key is { } unknown)
                {
                    throw new FormatException($"column \"{unknown}\" is not among those of the first row, which a CSV file has");
                }

                text.WriteLine(string.Join(',', header.Select(name => CsvRows.Field(Cell(columns[name])))));
                break;
        }
    }

    private static string Cell(JsonNode? value) => value switch
    {
        null => "",
        JsonValue text when text.TryGetValue<string>(out var content) => content,
        _ => value.ToJsonString(Json),
    };
}
