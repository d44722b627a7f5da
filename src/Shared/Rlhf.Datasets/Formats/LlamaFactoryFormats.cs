using System.Text.Json.Nodes;
using static Rlhf.Datasets.Formats.Roles;

namespace Rlhf.Datasets.Formats;

/// <summary>
/// LLaMA-Factory's preferences and KTO rows in the layouts of its data/README.md: ShareGPT's (conversations), OpenAI's (messages) and Alpaca's (instruction).
/// </summary>
internal static class LlamaFactoryFormats
{
    public static DatasetFormat Dpo { get; } = new("llama-factory-dpo", "conversations, chosen, rejected: from, value; system if there is one", DatasetType.Preference)
    {
        Matches = row => row.ContainsKey("conversations") && row.ContainsKey("chosen") && row.ContainsKey("rejected"),
        Read = row =>
        [
            new DatasetRow
            {
                Type = DatasetType.Preference,
                Prompt = new(ConversationFormats.Conversation(row)),
                Completions = [new([row.Message("chosen")]), new([row.Message("rejected")])],
            },
        ],
        Write = row => new JsonObject
        {
            ["conversations"] = Turns(row.Prompt!.AsPrompt()), ["chosen"] = Answer(row.Completions[0]), ["rejected"] = Answer(row.Completions[1]),
        },
    };

    public static DatasetFormat DpoAlpaca { get; } = new("llama-factory-dpo-alpaca", "instruction, input, chosen, rejected; system and history if there are any", DatasetType.Preference)
    {
        Matches = row => row.ContainsKey("instruction") && row.ContainsKey("chosen") && row.ContainsKey("rejected"),
        Read = row =>
        {
            var (prompt, input) = InstructionFormats.AlpacaPrompt(row);
            return
            [
                new DatasetRow
                {
                    Type = DatasetType.Preference,
                    Prompt = prompt,
                    Input = input,
                    Completions = [TextOrMessages.OfAssistant(row.String("chosen")), TextOrMessages.OfAssistant(row.String("rejected"))],
                },
            ];
        },
        Write = row =>
        {
            var columns = InstructionFormats.AlpacaColumns(row, "llama-factory-dpo-alpaca");
            (columns["chosen"], columns["rejected"]) = (Only(row.Completions[0]).Content, Only(row.Completions[1]).Content);
            return columns;
        },
    };

    public static DatasetFormat Kto { get; } = new("llama-factory-kto", "messages, label: the last message is rated", DatasetType.UnpairedPreference)
    {
        Matches = row => row.ContainsKey("messages") && row.ContainsKey("label"),
        Read = row => [Rated(row.Messages("messages"), "messages", row.Bool("label"))],
        Write = row => new JsonObject { ["messages"] = ToNode(new TextOrMessages(Whole(row))), ["label"] = row.Labels[0] },
    };

    public static DatasetFormat KtoShareGpt { get; } = new("llama-factory-kto-sharegpt", "conversations, kto_tag: the last message is rated; system if there is one", DatasetType.UnpairedPreference)
    {
        Matches = row => row.ContainsKey("conversations") && row.ContainsKey("kto_tag"),
        Read = row => [Rated(ConversationFormats.Conversation(row), "conversations", row.Bool("kto_tag"))],
        Write = row => new JsonObject { ["conversations"] = Turns(Whole(row)), ["kto_tag"] = row.Labels[0] },
    };

    public static DatasetFormat KtoAlpaca { get; } = new("llama-factory-kto-alpaca", "instruction, input, output, kto_tag; system and history if there are any", DatasetType.UnpairedPreference)
    {
        Matches = row => row.ContainsKey("instruction") && row.ContainsKey("kto_tag"),
        Read = row =>
        {
            var (prompt, input) = InstructionFormats.AlpacaPrompt(row);
            return
            [
                new DatasetRow
                {
                    Type = DatasetType.UnpairedPreference,
                    Prompt = prompt,
                    Input = input,
                    Completions = [TextOrMessages.OfAssistant(row.String("output"))],
                    Labels = [row.Bool("kto_tag")],
                },
            ];
        },
        Write = row =>
        {
            var columns = InstructionFormats.AlpacaColumns(row, "llama-factory-kto-alpaca");
            (columns["output"], columns["kto_tag"]) = (Only(row.Completions[0]).Content, row.Labels[0]);
            return columns;
        },
    };

    private static DatasetRow Rated(IReadOnlyList<Message> messages, string name, bool label) => messages.Count < 2
        ? throw new FormatException($"field \"{name}\" needs a prompt and the rated answer")
        : new DatasetRow
        {
            Type = DatasetType.UnpairedPreference,
            Prompt = new(messages.Take(messages.Count - 1)),
            Completions = [new([messages[^1]])],
            Labels = [label],
        };

    private static IReadOnlyList<Message> Whole(DatasetRow row) => [.. row.Prompt!.AsPrompt(), Only(row.Completions[0])];

    private static Message Only(TextOrMessages completion) => ConversationFormats.Only(completion);

    private static JsonArray Turns(IReadOnlyList<Message> messages) => ConversationFormats.Turns(messages);

    private static JsonObject Answer(TextOrMessages completion) => ToShareGpt(Only(completion));
}
