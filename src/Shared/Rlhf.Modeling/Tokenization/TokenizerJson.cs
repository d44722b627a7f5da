using System.Text.Json;

namespace Rlhf.Modeling.Tokenization;

/// <summary>Reads parts of tokenizer.json; every fault names the place in the file.</summary>
internal static class TokenizerJson
{
    /// <summary>The component's <c>type</c>, or null where the component is absent or null.</summary>
    public static string? TypeOf(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Undefined or JsonValueKind.Null => null,
        JsonValueKind.Object when element.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String => type.GetString(),
        _ => "(no type)",
    };

    public static string Text(JsonElement element, string name, string at) =>
        Child(element, name) is { ValueKind: JsonValueKind.String } value
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
        Child(element, name) is { ValueKind: JsonValueKind.True or JsonValueKind.False } value
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

    /// <summary>Metaspace's <c>prepend_scheme</c>; older files have <c>add_prefix_space</c> instead.</summary>
    public static string PrependScheme(JsonElement element, string at)
    {
        var scheme = Child(element, "prepend_scheme").ValueKind == JsonValueKind.String
            ? Text(element, "prepend_scheme", at)
            : Flag(element, "add_prefix_space", absent: true) ? "always" : "never";
        return scheme is "always" or "first" or "never" ? scheme : throw Unsupported($"{at}.prepend_scheme", scheme, "always, first, never");
    }

    public static InvalidDataException Unsupported(string at, string? found, string supported) =>
        new($"{at} is \"{found}\", which is not supported; supported: {supported}");
}
