using System.Text.Json;

namespace Rlhf.Modeling.Tokenization;

/// <summary>Reads parts of tokenizer.json; every fault names the place in the file.</summary>
internal static class TokenizerJson
{
    /// <summary>The component's <c>type</c>, or null where the component is absent or null.</summary>
    public static string? TypeOf(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Undefined or JsonValueKind.Null => null,
        JsonValueKind.Object when element.TryGetProperty("type", out var type) => type.GetString(),
        _ => "(no type)",
    };

    public static string Text(JsonElement element, string name, string at) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : throw new InvalidDataException($"{at}.{name} must be a string");

    public static int Integer(JsonElement element, string name, string at) =>
        TryInteger(Child(element, name), out var number)
            ? number
            : throw new InvalidDataException($"{at}.{name} must be an integer");

    public static bool TryInteger(JsonElement element, out int number)
    {
        number = 0;
        return element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out number);
    }

    public static bool Flag(JsonElement element, string name, bool absent = false) =>
        element.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean()
            : absent;

    /// <summary>The child of that name, or an undefined element.</summary>
    public static JsonElement Child(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var child) ? child : default;

    public static void ForEach(JsonElement element, string name, string at, Action<JsonElement, string> action)
    {
        var items = Child(element, name);
        if (items.ValueKind != JsonValueKind.Array)
        {
            throw new InvalidDataException($"{at}.{name} must be a list");
        }

        var index = 0;
        foreach (var item in items.EnumerateArray())
        {
            action(item, $"{at}.{name}[{index++}]");
        }
    }

    /// <summary>Pattern and content of a Replace step; only literal patterns are known, not regular expressions.</summary>
    public static (string Pattern, string Content) Replacement(JsonElement element, string at)
    {
        var pattern = Text(Child(element, "pattern"), "String", $"{at}.pattern");
        return pattern.Length > 0
            ? (pattern, Text(element, "content", at))
            : throw new InvalidDataException($"{at}.pattern.String must not be empty");
    }

    public static InvalidDataException Unsupported(string at, string? found, string supported) =>
        new($"{at} is \"{found}\", which is not supported; supported: {supported}");
}
