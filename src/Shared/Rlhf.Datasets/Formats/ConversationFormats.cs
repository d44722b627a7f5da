using System.Text.Json.Nodes;
using static Rlhf.Datasets.Formats.Roles;

namespace Rlhf.Datasets.Formats;

/// <summary>ShareGPT, as LLaMA-Factory has it too, and what builds on it.</summary>
internal static class ConversationFormats
{
    public static DatasetFormat ShareGpt { get; } = new("sharegpt", "conversations: from, value; system if there is one", DatasetType.LanguageModeling)
    {
        Matches = row => row.ContainsKey("conversations"),
        Read = row => [new DatasetRow { Type = DatasetType.LanguageModeling, Completions = [new(Conversation(row))] }],
        Write = row => new JsonObject { ["conversations"] = Turns(row.Completions[0].AsPrompt()) },
    };

    /// <summary>The column conversations, with what the column system says in front.</summary>
    public static IReadOnlyList<Message> Conversation(RowColumns row)
    {
        var messages = row.Messages("conversations");
        return row.OptionalString("system") is { Length: > 0 } system ? [new Message(Message.System, system), .. messages] : messages;
    }

    /// <summary>The one message of a completion.</summary>
    public static Message Only(TextOrMessages completion) => completion.AsCompletion() is [var only]
        ? only
        : throw new FormatException("the answer has several messages; this format holds one");

    /// <summary>Messages with ShareGPT's field names.</summary>
    public static JsonArray Turns(IReadOnlyList<Message> messages) => new([.. messages.Select(m => (JsonNode)ToShareGpt(m))]);
}
