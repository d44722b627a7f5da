using System.Text.Json.Nodes;

namespace Rlhf.Training.Evaluation;

/// <summary>The columns of files of prompts and sentences.</summary>
internal static class EvaluationColumns
{
    /// <summary>A string that is not blank, or null.</summary>
    public static string? Text(JsonObject row, string name) =>
        row[name] is JsonValue value && value.TryGetValue<string>(out var text) && !string.IsNullOrWhiteSpace(text) ? text : null;

    /// <summary>A string that is not blank.</summary>
    /// <exception cref="FormatException">If there is none.</exception>
    public static string Required(JsonObject row, string name) => Text(row, name) ?? throw new FormatException($"field \"{name}\" is missing, blank or not a string");
}
