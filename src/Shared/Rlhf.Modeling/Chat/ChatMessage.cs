using System.Text.Json;
using System.Text.Json.Nodes;

namespace Rlhf.Modeling.Chat;

/// <summary>One message of a conversation, with the fields that chat templates look at (transformers, "Chat templates").</summary>
/// <param name="Role">system, user, assistant, tool, or what else the template knows.</param>
/// <param name="Content">The text; null for an assistant's message that only calls tools.</param>
public sealed record ChatMessage(string Role, string? Content)
{
    private JsonObject? _json;

    /// <summary>The functions the assistant calls; null for none.</summary>
    public IReadOnlyList<ToolCall>? ToolCalls { get; init; }

    /// <summary>Of a tool's message: the call it answers.</summary>
    public string? ToolCallId { get; init; }

    /// <summary>The name of the tool or the speaker.</summary>
    public string? Name { get; init; }

    /// <summary>What the assistant thought before it answered.</summary>
    public string? ReasoningContent { get; init; }

    /// <summary>A message with any fields, as it stands in a data set; the template sees them all, in their order.</summary>
    /// <param name="message">The message; must have a string <c>role</c>.</param>
    /// <exception cref="ArgumentException">If there is no role.</exception>
    public static ChatMessage FromJson(JsonObject message)
    {
        ArgumentNullException.ThrowIfNull(message);
        var role = message["role"] is JsonValue value && value.TryGetValue<string>(out var text) ? text : throw new ArgumentException("a message needs a role", nameof(message));
        var content = message["content"] is JsonValue body && body.TryGetValue<string>(out var plain) ? plain : null;
        return new ChatMessage(role, content) { _json = (JsonObject)message.DeepClone() };
    }

    /// <summary>The message as a template sees it: role and content always, other fields where they are set.</summary>
    public JsonObject ToJson()
    {
        if (_json is not null)
        {
            return (JsonObject)_json.DeepClone();
        }

        var message = new JsonObject { ["role"] = Role, ["content"] = Content };
        foreach (var (name, value) in (ReadOnlySpan<(string, string?)>)[("reasoning_content", ReasoningContent), ("name", Name), ("tool_call_id", ToolCallId)])
        {
            if (value is not null)
            {
                message[name] = value;
            }
        }

        if (ToolCalls is not null)
        {
            message["tool_calls"] = new JsonArray([.. ToolCalls.Select(call => (JsonNode)call.ToJson())]);
        }

        return message;
    }
}

/// <summary>A call of a function by the assistant.</summary>
/// <param name="Name">The function.</param>
/// <param name="Arguments">Its arguments.</param>
/// <param name="Id">What the answer refers to, where the template wants it.</param>
public sealed record ToolCall(string Name, JsonObject Arguments, string? Id = null)
{
    internal JsonObject ToJson()
    {
        var call = new JsonObject { ["type"] = "function", ["function"] = new JsonObject { ["name"] = Name, ["arguments"] = Arguments.DeepClone() } };
        if (Id is not null)
        {
            call["id"] = Id;
        }

        return call;
    }
}
