using System.Text.Json.Nodes;

namespace Rlhf.Datasets;

/// <summary>One message of a conversation.</summary>
/// <param name="Role">system, user, assistant, tool, or what else the data has.</param>
/// <param name="Content">The text; empty for a message that only calls tools.</param>
/// <param name="Fields">Further fields, such as tool_calls; null for none.</param>
public sealed record Message(string Role, string Content, JsonObject? Fields = null)
{
    /// <summary>The person's role.</summary>
    public const string User = "user";

    /// <summary>The model's role.</summary>
    public const string Assistant = "assistant";

    /// <summary>The role of what stands before the conversation.</summary>
    public const string System = "system";

    /// <summary>The message with all its fields, as chat templates take it.</summary>
    public JsonObject ToJson()
    {
        var json = new JsonObject { ["role"] = Role, ["content"] = Content };
        foreach (var (name, value) in Fields ?? [])
        {
            json[name] = value?.DeepClone();
        }

        return json;
    }
}
