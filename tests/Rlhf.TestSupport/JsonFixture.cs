using System.Text.Json;

namespace Rlhf.TestSupport;

/// <summary>Reading the JSON files of reference numbers.</summary>
public static class JsonFixture
{
    /// <summary>The root of a file under the reference folder; a test without it is skipped.</summary>
    public static JsonElement Load(params string[] relative)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(SharedData.Require(relative)));
        return document.RootElement.Clone();
    }

    /// <summary>The files of a folder under the reference folder whose names match; a test without the folder is skipped.</summary>
    public static IReadOnlyList<string> Files(string pattern, params string[] relative) =>
        [.. Directory.EnumerateFiles(SharedData.Require(relative), pattern).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)];

    /// <summary>All numbers of a nested array, in order; null is NaN.</summary>
    public static double[] Numbers(this JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Array => [.. element.EnumerateArray().SelectMany(Numbers)],
        JsonValueKind.Null => [double.NaN],
        JsonValueKind.True => [1],
        JsonValueKind.False => [0],
        _ => [element.GetDouble()],
    };

    /// <summary>The lengths of a nested rectangular array.</summary>
    public static long[] Shape(this JsonElement element) => element.ValueKind != JsonValueKind.Array
        ? []
        : [element.GetArrayLength(), .. element.GetArrayLength() == 0 ? [] : element[0].Shape()];

    /// <summary>An array of arrays of whole numbers.</summary>
    public static int[][] Rows(this JsonElement element) =>
        [.. element.EnumerateArray().Select(row => row.EnumerateArray().Select(v => v.GetInt32()).ToArray())];

    /// <summary>A field's number, or null where the field is null or missing.</summary>
    public static double? Optional(this JsonElement element, string field) =>
        element.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
}
