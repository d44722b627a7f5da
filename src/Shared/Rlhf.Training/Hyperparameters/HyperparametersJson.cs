using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Rlhf.Training.Hyperparameters;

/// <summary>Hyperparameters from and to JSON, keys and enum values in snake_case. Reading lists all faults at once.</summary>
public static class HyperparametersJson
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        // What follows from other fields is no field.
        IgnoreReadOnlyProperties = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
    };

    /// <summary>The JSON of a record, all fields written out.</summary>
    public static string Write<T>(T hyperparameters)
        where T : IHyperparameters => JsonSerializer.Serialize(hyperparameters, Options);

    /// <summary>Reads a record; fields left out have their defaults.</summary>
    /// <param name="json">A JSON object; null or blank means all defaults.</param>
    /// <exception cref="HyperparametersException">With every unknown key, every value of a wrong type and every fault of <see cref="IHyperparameters.Validate"/>.</exception>
    public static T Read<T>(string? json)
        where T : IHyperparameters, new() => Read<T>(json, read => read);

    /// <summary>Reads a record of which some fields come from elsewhere.</summary>
    /// <param name="json">A JSON object; null or blank means all defaults.</param>
    /// <param name="change">Sets those fields; their faults are found with those of the JSON.</param>
    /// <exception cref="HyperparametersException">As above.</exception>
    public static T Read<T>(string? json, Func<T, T> change)
        where T : IHyperparameters, new()
    {
        ArgumentNullException.ThrowIfNull(change);
        var faults = new List<string>();
        var accepted = new JsonObject();
        var fields = typeof(T).GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(p => p.CanWrite)
            .ToDictionary(p => JsonNamingPolicy.SnakeCaseLower.ConvertName(p.Name), p => p.PropertyType, StringComparer.Ordinal);
        foreach (var (key, value) in Parse(json, typeof(T).Name))
        {
            if (!fields.TryGetValue(key, out var type))
            {
                faults.Add($"{key} is unknown; the keys are {string.Join(", ", fields.Keys.Order(StringComparer.Ordinal))}.");
            }
            else if (accepted.ContainsKey(key))
            {
                faults.Add($"{key} occurs twice.");
            }
            else if (!Fits(value, type))
            {
                faults.Add($"{key} is {value.GetRawText()}; it must be {Describe(type)}.");
            }
            else
            {
                accepted.Add(key, JsonNode.Parse(value.GetRawText()));
            }
        }

        var read = change(accepted.Deserialize<T>(Options)!);
        faults.AddRange(read.Validate());
        return faults.Count == 0 ? read : throw new HyperparametersException(typeof(T).Name, faults);
    }

    private static IEnumerable<(string Key, JsonElement Value)> Parse(string? json, string name)
    {
        if (string.IsNullOrWhiteSpace(json))
        {
            return [];
        }

        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? [.. document.RootElement.EnumerateObject().Select(p => (p.Name, p.Value.Clone()))]
                : throw new HyperparametersException(name, [$"the JSON is {document.RootElement.ValueKind}; it must be an object."]);
        }
        catch (JsonException exception)
        {
            throw new HyperparametersException(name, [$"it is not JSON: {exception.Message}"]);
        }
    }

    private static bool Fits(JsonElement value, Type type)
    {
        if (value.ValueKind == JsonValueKind.Null)
        {
            return Nullable.GetUnderlyingType(type) is not null;
        }

        try
        {
            value.Deserialize(type, Options);
            return true;
        }
        catch (Exception exception) when (exception is JsonException or FormatException or NotSupportedException)
        {
            return false;
        }
    }

    private static string Describe(Type type)
    {
        var underlying = Nullable.GetUnderlyingType(type);
        var bare = underlying ?? type;
        var text = bare switch
        {
            { IsEnum: true } => "one of " + string.Join(", ", Enum.GetNames(bare).Select(JsonNamingPolicy.SnakeCaseLower.ConvertName).Select(n => $"\"{n}\"")),
            { IsArray: true } => "a list, each " + Describe(bare.GetElementType()!),
            _ when bare == typeof(bool) => "true or false",
            _ when bare == typeof(double) => "a number",
            _ when bare == typeof(string) => "a string",
            _ when bare == typeof(ulong) => "a whole number that is not negative",
            _ => "a whole number",
        };
        return underlying is null ? text : text + ", or null";
    }
}
