using System.Text.Json;
using System.Text.Json.Nodes;
using static Rlhf.Datasets.Formats.Roles;

namespace Rlhf.Datasets.Formats;

/// <summary>Instructions and questions with their answers.</summary>
internal static class InstructionFormats
{
    /// <summary>Stanford Alpaca, with LLaMA-Factory's columns system and history. The user says instruction, line break, input.</summary>
    public static DatasetFormat Alpaca { get; } = new("alpaca", "instruction, input, output; system and history if there are any", DatasetType.PromptCompletion)
    {
        Matches = row => row.ContainsKey("instruction") && row.ContainsKey("output"),
        Read = row =>
        {
            var (prompt, input) = AlpacaPrompt(row);
            return [new DatasetRow { Type = DatasetType.PromptCompletion, Prompt = prompt, Input = input, Completions = [TextOrMessages.OfAssistant(row.String("output"))] }];
        },
        Write = row =>
        {
            var columns = AlpacaColumns(row, "alpaca");
            columns["output"] = ConversationFormats.Only(row.Completions[0]).Content;
            return columns;
        },
    };

    /// <summary>Self-Instruct's seed tasks (Wang et al. 2022): a row is as many as its task has instances.</summary>
    public static DatasetFormat SelfInstruct { get; } = new("self-instruct", "instruction, instances: input, output", DatasetType.PromptCompletion)
    {
        Matches = row => row.ContainsKey("instruction") && row.ContainsKey("instances"),
        Read = row =>
        {
            var instruction = row.String("instruction");
            return [.. row.Array("instances").Select((node, i) =>
            {
                var instance = node is JsonObject fields ? new RowColumns((JsonObject)fields.DeepClone()) : throw new FormatException($"field \"instances\"[{i}] is not an object");
                var input = instance.OptionalString("input") ?? "";
                return new DatasetRow
                {
                    Type = DatasetType.PromptCompletion,
                    Prompt = new([new Message(Message.User, input.Length == 0 ? instruction : $"{instruction}\n{input}")]),
                    Completions = [TextOrMessages.OfAssistant(instance.String("output"))],
                    Input = input,
                };
            })];
        },
        Write = row =>
        {
            var (instruction, input) = Split(SingleTurn(row, "self-instruct"), row.Input);
            return new JsonObject
            {
                ["instruction"] = instruction,
                ["instances"] = new JsonArray(new JsonObject { ["input"] = input, ["output"] = ConversationFormats.Only(row.Completions[0]).Content }),
            };
        },
    };

    /// <summary>Grade-school mathematics (Cobbe et al. 2021): the result stands behind <c>#### </c> in the answer.</summary>
    public static DatasetFormat Gsm8k { get; } = new("gsm8k", "question, answer", DatasetType.PromptCompletion)
    {
        Matches = row => row.ContainsKey("question") && row.ContainsKey("answer"),
        Read = row =>
        [
            new DatasetRow
            {
                Type = DatasetType.PromptCompletion,
                Prompt = new([new Message(Message.User, row.String("question"))]),
                Completions = [TextOrMessages.OfAssistant(row.String("answer"))],
            },
        ],
        Write = row => new JsonObject { ["question"] = SingleTurn(row, "gsm8k"), ["answer"] = ConversationFormats.Only(row.Completions[0]).Content },
    };

    /// <summary>
    /// OpenRLHF's default columns for SFT (input, output), for prompts (input) and for KTO (input, output, and a label that is true or false; another label is
    /// the answer that a prompt's reward function compares with, and no part of the row). Its preferences are TRL's.
    /// </summary>
    public static DatasetFormat OpenRlhf { get; } = new(
        "openrlhf", "input; output if there is one; label true or false if it is rated", DatasetType.PromptCompletion, DatasetType.PromptOnly, DatasetType.UnpairedPreference)
    {
        Matches = row => row.ContainsKey("input"),
        Read = row =>
        {
            var input = row.TextOrMessages("input");
            if (!row.Rest.ContainsKey("output"))
            {
                return [new DatasetRow { Type = DatasetType.PromptOnly, Prompt = input }];
            }

            var output = row.TextOrMessages("output");
            return RowColumns.AsBool(row.Rest["label"]) is null
                ? [new DatasetRow { Type = DatasetType.PromptCompletion, Prompt = input, Completions = [output] }]
                : [new DatasetRow { Type = DatasetType.UnpairedPreference, Prompt = input, Completions = [output], Labels = [row.Bool("label")] }];
        },
        Write = row =>
        {
            var columns = new JsonObject { ["input"] = ToNode(row.Prompt!) };
            if (row.Type != DatasetType.PromptOnly)
            {
                columns["output"] = ToNode(row.Completions[0]);
            }

            if (row.Type == DatasetType.UnpairedPreference)
            {
                columns["label"] = row.Labels[0];
            }

            return columns;
        },
    };

    /// <summary>The prompt that Alpaca's columns hold, and the column input by itself.</summary>
    public static (TextOrMessages Prompt, string? Input) AlpacaPrompt(RowColumns row)
    {
        var messages = new List<Message>();
        if (row.OptionalString("system") is { Length: > 0 } system)
        {
            messages.Add(new Message(Message.System, system));
        }

        foreach (var turn in row.OptionalArray("history") ?? [])
        {
            if (turn is not JsonArray { Count: 2 } pair || pair.Any(side => side?.GetValueKind() != JsonValueKind.String))
            {
                throw new FormatException("field \"history\" is not a list of pairs of strings");
            }

            messages.Add(new Message(Message.User, pair[0]!.GetValue<string>()));
            messages.Add(new Message(Message.Assistant, pair[1]!.GetValue<string>()));
        }

        var instruction = row.String("instruction");
        var input = row.OptionalString("input");
        messages.Add(new Message(Message.User, string.IsNullOrEmpty(input) ? instruction : $"{instruction}\n{input}"));
        return (new TextOrMessages(messages), input);
    }

    /// <summary>A row's prompt in Alpaca's columns.</summary>
    public static JsonObject AlpacaColumns(DatasetRow row, string format)
    {
        var messages = row.Prompt!.AsPrompt().ToList();
        var columns = new JsonObject();
        var system = messages is [{ Role: Message.System }, ..] ? messages[0].Content : null;
        messages.RemoveRange(0, system is null ? 0 : 1);
        var alternates = messages.Count % 2 == 1 && messages.Select((m, i) => m.Role == (i % 2 == 0 ? Message.User : Message.Assistant)).All(ok => ok);
        if (!alternates)
        {
            throw new FormatException($"{format} holds turns of user and assistant by turns, the user's last");
        }

        (columns["instruction"], columns["input"]) = Split(messages[^1].Content, row.Input);
        if (system is not null)
        {
            columns["system"] = system;
        }

        if (messages.Count > 1)
        {
            columns["history"] = new JsonArray([.. messages.SkipLast(1).Chunk(2).Select(turn => (JsonNode)new JsonArray(turn[0].Content, turn[1].Content))]);
        }

        return columns;
    }

    /// <summary>The text of a prompt that is one message of the user.</summary>
    public static string SingleTurn(DatasetRow row, string format) => row.Prompt!.AsPrompt() is [{ Role: Message.User } only]
        ? only.Content
        : throw new FormatException($"{format} holds prompts of one user's message");

    private static (string Instruction, string Input) Split(string text, string? input) => !string.IsNullOrEmpty(input) && text.EndsWith("\n" + input, StringComparison.Ordinal)
        ? (text[..^(input.Length + 1)], input)
        : (text, "");
}
