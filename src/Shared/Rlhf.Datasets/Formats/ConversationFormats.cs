using System.Text.Json.Nodes;
using static Rlhf.Datasets.Formats.Roles;

namespace Rlhf.Datasets.Formats;

/// <summary>ShareGPT, and the layouts of LLaMA-Factory that build on it (its data/README.md).</summary>
internal static class ConversationFormats
{
    public static DatasetFormat ShareGpt { get; } = new("sharegpt", "conversations: from, value; system if there is one", DatasetType.LanguageModeling)
    {
        Matches = row => row.ContainsKey("conversations"),
        Read = row =>
        {
            var messages = row.Messages("conversations");
            var system = row.OptionalString("system");
            return [new DatasetRow { Type = DatasetType.LanguageModeling, Completions = [new(string.IsNullOrEmpty(system) ? messages : [new Message(Message.System, system), .. messages])] }];
        },
        Write = row => new JsonObject { ["conversations"] = Turns(row.Completions[0].AsPrompt()) },
    };

    public static DatasetFormat LlamaFactoryDpo { get; } = new("llama-factory-dpo", "conversations, chosen, rejected: from, value", DatasetType.Preference)
    {
        Matches = row => row.ContainsKey("conversations") && row.ContainsKey("chosen") && row.ContainsKey("rejected"),
        Read = row =>
        [
            new DatasetRow
            {
                Type = DatasetType.Preference,
                Prompt = new(row.Messages("conversations")),
                Completions = [new([row.Message("chosen")]), new([row.Message("rejected")])],
            },
        ],
        Write = row => new JsonObject
        {
            ["conversations"] = Turns(row.Prompt!.AsPrompt()), ["chosen"] = Answer(row.Completions[0]), ["rejected"] = Answer(row.Completions[1]),
        },
    };

    public static DatasetFormat LlamaFactoryKto { get; } = new("llama-factory-kto", "messages, label: the last message is rated", DatasetType.UnpairedPreference)
    {
        Matches = row => row.ContainsKey("messages") && row.ContainsKey("label"),
        Read = row =>
        {
            var messages = row.Messages("messages");
            return messages.Count < 2
                ? throw new FormatException("field \"messages\" needs a prompt and the rated answer")
                :
                [
                    new DatasetRow
                    {
                        Type = DatasetType.UnpairedPreference,
                        Prompt = new(messages.Take(messages.Count - 1)),
                        Completions = [new([messages[^1]])],
                        Labels = [row.Bool("label")],
                    },
                ];
        },
        Write = row => new JsonObject
        {
            ["messages"] = ToNode(new TextOrMessages([.. row.Prompt!.AsPrompt(), Only(row.Completions[0])])), ["label"] = row.Labels[0],
        },
    };

    /// <summary>The one message of a completion.</summary>
    public static Message Only(TextOrMessages completion) => completion.AsCompletion() is [var only]
        ? only
        : throw new FormatException("the answer has several messages; this format holds one");

    private static JsonArray Turns(IReadOnlyList<Message> messages) => new([.. messages.Select(m => (JsonNode)ToShareGpt(m))]);

    private static JsonObject Answer(TextOrMessages completion) => ToShareGpt(Only(completion));
}
