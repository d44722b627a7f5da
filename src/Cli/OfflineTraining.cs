using System.Globalization;
using System.Text.Json;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using Spectre.Console;

namespace Rlhf.Cli;

/// <summary>What the offline training commands share: reading a configuration and data, and showing progress.</summary>
internal static class OfflineTraining
{
    /// <summary>Hyperparameters from a JSON file; all defaults without one.</summary>
    public static T Config<T>(string? path)
        where T : IHyperparameters, new()
    {
        if (path is not null && !File.Exists(path))
        {
            throw new UserException($"--config {path}: no such file.");
        }

        return HyperparametersJson.Read<T>(path is null ? null : File.ReadAllText(path));
    }

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

    /// <summary>Runs a trainer under a progress bar that shows its metrics.</summary>
    public static void Run(string name, Action<Action<TrainingProgress>> train)
    {
        TrainingProgress? last = null;
        AnsiConsole.Progress()
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .Start(progress =>
            {
                var bar = progress.AddTask(name);
                train(report =>
                {
                    last = report;
                    bar.MaxValue = report.TotalSteps;
                    bar.Value = report.Step;
                });
            });
        if (last is not null)
        {
            var table = new Table().RoundedBorder().AddColumn("metric").AddColumn(new TableColumn("last").RightAligned());
            foreach (var (metric, value) in last.Metrics.OrderBy(m => m.Key, StringComparer.Ordinal))
            {
                table.AddRow(metric, value.ToString("G5", CultureInfo.InvariantCulture));
            }

            AnsiConsole.Write(table);
        }
    }
}
