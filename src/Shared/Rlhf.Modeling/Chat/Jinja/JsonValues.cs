using System.Collections;
using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Rlhf.Modeling.Chat.Jinja;

/// <summary>From .NET's values to those of templates: JSON and a few plain types, nothing else.</summary>
internal static class JsonValues
{
    public static object? FromNode(JsonNode? node) => node switch
    {
        null => null,
        JsonObject dict => FromPairs(dict.Select(entry => (entry.Key, FromNode(entry.Value)))),
        JsonArray list => new ListValue([.. list.Select(FromNode)]),
        _ => FromElement(JsonSerializer.SerializeToElement(node)),
    };

    /// <exception cref="ArgumentException">If the value is of another kind.</exception>
    public static object? FromObject(object? value, string name) => value switch
    {
        null or bool or string or long or double => value,
        int or short or byte or uint => Convert.ToInt64(value, CultureInfo.InvariantCulture),
        float number => (double)number,
        JsonNode node => FromNode(node),
        JsonElement element => FromElement(element),
        IReadOnlyDictionary<string, object?> dict => FromPairs(dict.Select(entry => (entry.Key, FromObject(entry.Value, name)))),
        IReadOnlyDictionary<string, string> dict => FromPairs(dict.Select(entry => (entry.Key, (object?)entry.Value))),
        IEnumerable list and not IDictionary => new ListValue([.. list.Cast<object?>().Select(item => FromObject(item, name))]),
        _ => throw new ArgumentException($"the variable \"{name}\" holds a {value.GetType().Name}; templates take null, booleans, numbers, strings, JSON, and lists and dictionaries of these"),
    };

    public static object? FromElement(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => FromPairs(element.EnumerateObject().Select(entry => (entry.Name, FromElement(entry.Value)))),
        JsonValueKind.Array => new ListValue([.. element.EnumerateArray().Select(FromElement)]),
        JsonValueKind.String => element.GetString(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number when element.TryGetInt64(out var integer) && IsWhole(element) => integer,
        JsonValueKind.Number when IsWhole(element) => BigInteger.Parse(element.GetRawText(), CultureInfo.InvariantCulture),
        JsonValueKind.Number => element.GetDouble(),
        _ => null,
    };

    private static bool IsWhole(JsonElement number) => number.GetRawText().AsSpan().IndexOfAny(".eE") < 0;

    private static DictValue FromPairs(IEnumerable<(string Key, object? Value)> pairs)
    {
        var dict = new DictValue();
        foreach (var (key, value) in pairs)
        {
            dict[key] = value;
        }

        return dict;
    }
}
