using System.Text.Json.Nodes;

namespace Rlhf.Datasets.Formats;

/// <summary>ShareGPT's names of the roles. Others (function_call, observation, tool) are the same in both.</summary>
internal static class Roles
{
    public static string FromShareGpt(string from) => from switch
    {
        "human" => Message.User,
        "gpt" or "chatgpt" or "bard" or "bing" => Message.Assistant,
        _ => from,
    };

    /// <summary>The message with ShareGPT's field names.</summary>
    public static JsonObject ToShareGpt(Message message)
    {
        var json = new JsonObject
        {
            ["from"] = message.Role switch { Message.User => "human", Message.Assistant => "gpt", var other => other },
            ["value"] = message.Content,
        };
        foreach (var (name, value) in message.Fields ?? [])
        {
            json[name] = value?.DeepClone();
        }

        return json;
    }

    public static JsonNode ToNode(TextOrMessages value) =>
        value.Messages is { } messages ? new JsonArray([.. messages.Select(m => (JsonNode)m.ToJson())]) : JsonValue.Create(value.Text!);
}
