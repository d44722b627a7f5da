using System.Text.Json;

namespace Rlhf.Modeling.Transformer;

/// <summary>Reads fields of a JSON object and collects what is wrong with them, so that all faults are reported at once.</summary>
internal sealed class ConfigFields(JsonElement element, List<string> faults, string prefix = "")
{
    public static JsonSerializerOptions Indented { get; } = new() { WriteIndented = true };

    public static ConfigFields Read(string path, List<string> faults)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new ConfigFields(document.RootElement.Clone(), faults)
                : throw new InvalidDataException($"{path}: must be a JSON object");
        }
        catch (JsonException fault)
        {
            throw new InvalidDataException($"{path}: not valid JSON: {fault.Message}", fault);
        }
    }

    public ConfigFields? Child(string name) =>
        Value(name) is { ValueKind: JsonValueKind.Object } child ? new ConfigFields(child, faults, $"{prefix}{name}.") : null;

    public string? Text(string name) => Value(name) is { } value
        ? value.ValueKind == JsonValueKind.String ? value.GetString() : Fault<string>(name, value, "a string")
        : null;

    public bool? Flag(string name) => Value(name) is { } value
        ? value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : Fault<bool?>(name, value, "true or false")
        : null;

    public double? Number(string name) => Value(name) is { } value
        ? value.ValueKind == JsonValueKind.Number ? value.GetDouble() : Fault<double?>(name, value, "a number")
        : null;

    public int? Integer(string name) => Value(name) is { } value
        ? value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number : Fault<int?>(name, value, "an integer")
        : null;

    public int RequiredInteger(string name)
    {
        if (Value(name) is null)
        {
            faults.Add($"{prefix}{name} is missing");
        }

        return Integer(name) ?? 0;
    }

    /// <summary>One integer or a list of them.</summary>
    public int[]? Integers(string name)
    {
        if (Value(name) is not { ValueKind: JsonValueKind.Array } list)
        {
            return Integer(name) is { } single ? [single] : null;
        }

        var items = list.EnumerateArray().ToArray();
        return items.All(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out _))
            ? [.. items.Select(item => item.GetInt32())]
            : Fault<int[]>(name, list, "an integer or a list of integers");
    }

    /// <summary>A field that, where it is given, can have only one value (null: must be null).</summary>
    public void RequireIfPresent(string name, string? supported)
    {
        if (Value(name) is { } value && !(value.ValueKind == JsonValueKind.String && value.GetString() == supported))
        {
            faults.Add($"{prefix}{name} is {value.GetRawText()}, which is not supported; supported: {supported ?? "null"}");
        }
    }

    private JsonElement? Value(string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private T? Fault<T>(string name, JsonElement value, string expected)
    {
        faults.Add($"{prefix}{name} is {value.GetRawText()}; expected {expected}");
        return default;
    }
}
