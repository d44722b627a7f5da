namespace Rlhf.Datasets.Files;

/// <summary>One row as it stands in a file.</summary>
/// <param name="Line">The line it begins at, from 1.</param>
/// <param name="Columns">Its columns; null if it is broken.</param>
/// <param name="Fault">What is wrong with it; null if nothing is.</param>
internal readonly record struct RawRow(int Line, System.Text.Json.Nodes.JsonObject? Columns, string? Fault = null);
