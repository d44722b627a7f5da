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

    /// <summary>A number that must be there.</summary>
    public double RequiredNumber(string name)
    {
        Require(name);
        return Number(name) ?? 0;
    }

    /// <summary>An integer that must be there, under one of its names.</summary>
    public int RequiredInteger(params string[] names)
    {
        var name = names.FirstOrDefault(Has) ?? names[0];
        Require(name);
        return Integer(name) ?? 0;
    }

    /// <summary>A string, which is returned, or a list of strings.</summary>
    public string? TextOrList(string name, out string[]? list)
    {
        var isText = Value(name) is { ValueKind: JsonValueKind.String };
        list = isText ? null : Texts(name);
        return isText ? Text(name) : null;
    }

    /// <summary>A list of strings.</summary>
    public string[]? Texts(string name) => Value(name) is { } value
        ? value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String)
            ? [.. value.EnumerateArray().Select(item => item.GetString()!)]
            : Fault<string[]>(name, value, "a list of strings")
        : null;

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

    /// <summary>One of some strings; where the field is absent, the default.</summary>
    public string OneOf(string name, string absent, IEnumerable<string> supported)
    {
        var value = Text(name) ?? absent;
        if (supported.Contains(value))
        {
            return value;
        }

        Fault(name, $"\"{value}\"", [.. supported]);
        return absent;
    }

    /// <summary>Whether the field is there, be it null.</summary>
    public bool Defines(string name) => element.TryGetProperty(name, out _);

    /// <summary>Whether the field is there and not null.</summary>
    public bool Has(string name) => Value(name) is not null;

    /// <summary>A field that must be absent or null.</summary>
    public void RequireAbsent(string name)
    {
        if (Value(name) is { } value)
        {
            Fault(name, value.GetRawText(), "null");
        }
    }

    /// <summary>A field that must be absent, null, or an object or list without content.</summary>
    public void RequireEmpty(string name)
    {
        if (Value(name) is { } value && value.GetRawText().Any(sign => sign is not ('{' or '}' or '[' or ']') && !char.IsWhiteSpace(sign)))
        {
            Fault(name, value.GetRawText(), "null", "empty");
        }
    }

    /// <summary>A switch that, where it is given, can have only one value.</summary>
    public void RequireFlag(string name, bool supported)
    {
        if (Flag(name) is { } value && value != supported)
        {
            Fault(name, value ? "true" : "false", supported ? "true" : "false");
        }
    }

    /// <summary>Notes that a field has a value that this code does not implement.</summary>
    public void Fault(string name, string value, params string[] supported) =>
        faults.Add($"{prefix}{name} is {value}, which is not supported; supported: {string.Join(", ", supported)}");

    private void Require(string name)
    {
        if (!Has(name))
        {
            faults.Add($"{prefix}{name} is missing");
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
