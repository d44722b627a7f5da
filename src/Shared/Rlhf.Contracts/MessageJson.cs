using System.Text.Json;

namespace Rlhf.Contracts;

/// <summary>How a message is written to the outbox and to samples: web defaults (camelCase names, unknown properties ignored).</summary>
public static class MessageJson
{
    private static readonly JsonSerializerOptions s_options = new(JsonSerializerDefaults.Web);

    /// <summary>Writes a message of a registered type.</summary>
    public static string Serialize(object message) => JsonSerializer.Serialize(message, message.GetType(), s_options);

    /// <summary>Reads a message of a registered type.</summary>
    /// <exception cref="JsonException">The text is not that message; a missing required property is named.</exception>
    public static object Deserialize(string json, Type type) =>
        JsonSerializer.Deserialize(json, type, s_options) ?? throw new JsonException($"'null' is not a {type.Name}.");
}
