using System.Text;
using System.Text.Json;

namespace Rlhf.Training.Evaluation;

/// <summary>Reads files of prompts and sentences line by line, in bounded memory, naming file and line of a fault.</summary>
internal static class EvaluationFiles
{
    private const int MaxLine = 1 << 20;
    private const int MaxLines = 1_000_000;

    /// <summary>The lines that are not blank, with their numbers from 1.</summary>
    /// <exception cref="InvalidDataException">If a line has more than 2^20 characters, or there are more than a million.</exception>
    public static IEnumerable<(string Text, int Number)> Lines(string path)
    {
        using var reader = new StreamReader(path, Encoding.UTF8);
        var line = new StringBuilder();
        var number = 1;
        while (true)
        {
            var c = reader.Read();
            if (c is -1 or '\n')
            {
                var text = line.ToString();
                if (!string.IsNullOrWhiteSpace(text))
                {
                    yield return (text.TrimEnd('\r'), number);
                }

                line.Clear();
                if (c == -1)
                {
                    yield break;
                }

                if (++number > MaxLines)
                {
                    throw new InvalidDataException($"{path}: there are more than {MaxLines} lines.");
                }
            }
            else if (line.Append((char)c).Length > MaxLine)
            {
                throw new InvalidDataException($"{path}, line {number}: it has more than {MaxLine} characters.");
            }
        }
    }

    /// <summary>A line as a JSON object.</summary>
    /// <exception cref="InvalidDataException">If it is none.</exception>
    public static JsonElement Object(string path, string line, int number)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                return document.RootElement.Clone();
            }
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"{path}, line {number}: it is not valid JSON: {exception.Message}", exception);
        }

        throw new InvalidDataException($"{path}, line {number}: it must be a JSON object.");
    }

    /// <summary>A string property that is not blank, or null.</summary>
    public static string? Text(JsonElement row, string name) =>
        row.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && !string.IsNullOrWhiteSpace(value.GetString()) ? value.GetString() : null;
}
