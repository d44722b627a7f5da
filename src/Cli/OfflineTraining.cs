using System.Text.Json;

namespace Rlhf.Cli;

/// <summary>Rows of data files of the training commands.</summary>
internal static class OfflineTraining
{
    /// <summary>JSONL rows with string fields (true and false as "true" and "false"); every broken line is reported, and then nothing is used.</summary>
    public static IReadOnlyList<Dictionary<string, string>> Rows(string path, params string[] fields)
    {
        if (!File.Exists(path))
        {
            throw new UserException($"{path}: no such file.");
        }

        var rows = new List<Dictionary<string, string>>();
        var faults = new List<string>();
        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            try
            {
                using var document = JsonDocument.Parse(line);
                var row = new Dictionary<string, string>();
                foreach (var field in fields)
                {
                    if (document.RootElement.ValueKind != JsonValueKind.Object
                        || !document.RootElement.TryGetProperty(field, out var value)
                        || value.ValueKind is not (JsonValueKind.String or JsonValueKind.True or JsonValueKind.False))
                    {
                        faults.Add($"line {number}: field \"{field}\" is missing or not a string");
                        continue;
                    }

                    row[field] = value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetBoolean() ? "true" : "false";
                }

                rows.Add(row);
            }
            catch (JsonException exception)
            {
                faults.Add($"line {number}: {exception.Message}");
            }
        }

        if (faults.Count > 0)
        {
            throw new UserException($"{path}: {faults.Count} faults, nothing was used:\n  " + string.Join("\n  ", faults.Take(20)));
        }

        return rows.Count > 0 ? rows : throw new UserException($"{path}: the file has no rows.");
    }
}
