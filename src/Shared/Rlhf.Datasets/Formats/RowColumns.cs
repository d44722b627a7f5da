using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Rlhf.Datasets.Formats;

/// <summary>
/// The columns of one row, taken out one by one; what nobody took is left over. In CSV every value is a string: numbers, booleans and JSON in
/// them are understood where they are wanted.
/// </summary>
/// <param name="columns">The row; it is emptied.</param>
internal sealed class RowColumns(JsonObject columns)
{
    /// <summary>What was not taken.</summary>
    public JsonObject Rest => columns;

    public static FormatException Missing(string name, string kind) => new($"field \"{name}\" is missing or not {kind}");

    public JsonNode? Take(string name) => columns.Remove(name, out var value) ? value : null;

    public string String(string name) => OptionalString(name) ?? throw Missing(name, "a string");

    public string? OptionalString(string name) => Take(name) switch
    {
        null => null,
        JsonValue value when value.TryGetValue<string>(out var text) => text,
        _ => throw Missing(name, "a string"),
    };

    public bool Bool(string name) => AsBool(Take(name)) ?? throw Missing(name, "true or false");

    public double? OptionalNumber(string name) => Take(name) switch
    {
        null => null,
        JsonValue value when value.GetValueKind() == JsonValueKind.Number => value.GetValue<double>(),
        JsonValue value when value.TryGetValue<string>(out var text) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
        _ => throw Missing(name, "a number"),
    };

    public double Number(string name) => OptionalNumber(name) ?? throw Missing(name, "a number");

    public JsonArray Array(string name) => OptionalArray(name) ?? throw Missing(name, "a list");

    public JsonArray? OptionalArray(string name) => Take(name) switch
    {
        null => null,
        JsonArray array => array,
        JsonValue value when Embedded(value) is JsonArray array => array,
        _ => throw Missing(name, "a list"),
    };

    public JsonObject Object(string name) => Take(name) switch
    {
        JsonObject value => value,
        JsonValue value when Embedded(value) is JsonObject embedded => embedded,
        _ => throw Missing(name, "an object"),
    };

    public TextOrMessages TextOrMessages(string name) => AsTextOrMessages(Take(name), name + "\"");

    /// <summary>Each entry of a column that is a list.</summary>
    public static IReadOnlyList<TextOrMessages> TextsOrMessages(JsonArray array, string name) => [.. array.Select((node, i) => AsTextOrMessages(node, $"{name}\"[{i}]"))];

    public bool[] Bools(string name) =>
        [.. Array(name).Select((value, i) => AsBool(value) ?? throw new FormatException($"field \"{name}\"[{i}] is not true or false"))];

    public IReadOnlyList<Message> Messages(string name) => Messages(Array(name), name + "\"");

    // Messages with role and content (OpenAI, TRL) or from and value (ShareGPT). The name comes with its closing quotation mark.
    private static IReadOnlyList<Message> Messages(JsonArray array, string name) => array.Count == 0
        ? throw new FormatException($"field \"{name} has no message")
        : [.. array.Select((node, i) => Message(node, $"{name}[{i}]"))];

    public Message Message(string name) => Message(Object(name), name + "\"");

    private static Message Message(JsonNode? node, string name)
    {
        if (node is not JsonObject message)
        {
            throw new FormatException($"field \"{name} is not a message");
        }

        var isShareGpt = message.ContainsKey("from");
        var role = Text(message, isShareGpt ? "from" : "role") ?? throw new FormatException($"field \"{name} has no role");
        var content = Text(message, isShareGpt ? "value" : "content");
        var fields = new JsonObject();
        foreach (var (key, value) in message)
        {
            if (key is not ("from" or "value" or "role" or "content"))
            {
                fields[key] = value?.DeepClone();
            }
        }

        return content is null && !fields.ContainsKey("tool_calls")
            ? throw new FormatException($"field \"{name} has no text")
            : new Message(isShareGpt ? Roles.FromShareGpt(role) : role, content ?? "", fields.Count > 0 ? fields : null);
    }

    private static TextOrMessages AsTextOrMessages(JsonNode? node, string name) => node switch
    {
        JsonArray array => new TextOrMessages(Messages(array, name)),
        JsonValue value when Embedded(value) is JsonArray array && array.All(m => m is JsonObject) && array.Count > 0 => new TextOrMessages(Messages(array, name)),
        JsonValue value when value.TryGetValue<string>(out var text) => new TextOrMessages(text),
        _ => throw new FormatException($"field \"{name} is missing or not a string or a list of messages"),
    };

    private static string? Text(JsonObject message, string key) => message[key] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    public static bool? AsBool(JsonNode? node) => node switch
    {
        JsonValue value when value.GetValueKind() is JsonValueKind.True or JsonValueKind.False => value.GetValue<bool>(),
        JsonValue value when value.TryGetValue<string>(out var text) && bool.TryParse(text, out var parsed) => parsed,
        _ => null,
    };

    private static JsonNode? Embedded(JsonValue value)
    {
        if (!value.TryGetValue<string>(out var text) || text.TrimStart() is not ['[' or '{', ..])
        {
            return null;
        }

        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
