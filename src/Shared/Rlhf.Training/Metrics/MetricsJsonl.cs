using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Rlhf.Modeling.Checkpoints;

namespace Rlhf.Training.Metrics;

/// <summary>
/// Reports as JSON lines, <c>{"step": 10, "total_steps": 100, "train/loss": 2.3, …}</c>: one a line, flushed at once. A resumed run cuts off what it
/// will report again, so that the file of an interrupted run equals that of an uninterrupted one up to its <c>time/…</c> metrics.
/// </summary>
/// <param name="path">The file; made with its directory when the first report comes.</param>
public sealed class MetricsJsonl(string path) : IMetricsSink
{
    /// <summary>The file's usual name.</summary>
    public const string FileName = "metrics.jsonl";

    private static readonly JsonSerializerOptions Json = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    private StreamWriter? _writer;

    /// <inheritdoc/>
    public void Write(TrainingProgress progress)
    {
        ArgumentNullException.ThrowIfNull(progress);
        _writer ??= Open(progress.Step);
        var row = new Dictionary<string, object>(StringComparer.Ordinal) { ["step"] = progress.Step, ["total_steps"] = progress.TotalSteps };
        foreach (var (name, value) in progress.Metrics)
        {
            row[name] = value;
        }

        _writer.WriteLine(JsonSerializer.Serialize(row, Json));
        _writer.Flush();
    }

    /// <inheritdoc/>
    public void Dispose() => _writer?.Dispose();

    private StreamWriter Open(int firstStep)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        var kept = File.Exists(path) ? File.ReadLines(path).TakeWhile(line => StepOf(line) is { } step && step < firstStep).ToArray() : [];
        AtomicFile.Write(path, Encoding.UTF8.GetBytes(string.Concat(kept.Select(line => line + "\n"))));
        return new StreamWriter(path, append: true) { NewLine = "\n" };
    }

    // A line that a killed process wrote half of ends what is kept.
    private static int? StepOf(string line)
    {
        try
        {
            using var row = JsonDocument.Parse(line);
            return row.RootElement.ValueKind == JsonValueKind.Object && row.RootElement.TryGetProperty("step", out var step) && step.TryGetInt32(out var value) ? value : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
