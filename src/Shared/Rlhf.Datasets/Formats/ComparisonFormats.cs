using System.Text.Json.Nodes;

namespace Rlhf.Datasets.Formats;

/// <summary>Comparisons in the layouts of the data sets that made them known.</summary>
internal static class ComparisonFormats
{
    /// <summary>
    /// Anthropic's HH-RLHF (Bai et al. 2022): whole dialogues. The prompt is the longest shared text that ends in the assistant's cue; in some
    /// rows the dialogues part before the last turn, and what follows belongs to the answers.
    /// </summary>
    public static DatasetFormat HhRlhf { get; } = new("hh-rlhf", "chosen, rejected: dialogues of \\n\\nHuman: and \\n\\nAssistant: turns", DatasetType.Preference)
    {
        Matches = row => !row.ContainsKey("prompt") && IsDialogue(row["chosen"]) && IsDialogue(row["rejected"]),
        Read = row =>
        {
            var (chosen, rejected) = (row.String("chosen"), row.String("rejected"));
            foreach (var (name, text) in (ReadOnlySpan<(string, string)>)[("chosen", chosen), ("rejected", rejected)])
            {
                if (!text.Contains(Dialogue.AssistantMark, StringComparison.Ordinal))
                {
                    throw new FormatException($"field \"{name}\" has no \"\\n\\nAssistant:\" turn");
                }
            }

            var common = chosen.AsSpan().CommonPrefixLength(rejected);
            var mark = chosen.AsSpan(0, common).LastIndexOf(Dialogue.AssistantMark);
            var end = mark + Dialogue.AssistantMark.Length;
            return mark < 0
                ? throw new FormatException("\"chosen\" and \"rejected\" do not share a prompt ending in \"\\n\\nAssistant:\"")
                : [new DatasetRow { Type = DatasetType.Preference, Prompt = new(chosen[..end]), Completions = [new(chosen[end..]), new(rejected[end..])] }];
        },
        Write = row => new JsonObject { ["chosen"] = Whole(row, 0), ["rejected"] = Whole(row, 1) },
    };

    /// <summary>
    /// OpenAI's summarize-from-feedback comparisons (Stiennon et al. 2020); the prompt is its TL;DR query
    /// (<c>SUBREDDIT: r/… TITLE: … POST: … TL;DR:</c>, summarize_from_feedback/tasks.py), or the post alone where there is no title.
    /// </summary>
    public static DatasetFormat OpenAi { get; } = new("openai-comparisons", "info: post; summaries: text; choice", DatasetType.Preference)
    {
        Matches = row => row.ContainsKey("summaries") && row.ContainsKey("choice"),
        Read = row =>
        {
            var info = row.Object("info");
            var summaries = row.Array("summaries");
            var choice = row.Number("choice");
            if (summaries.Count != 2 || choice is not (0 or 1))
            {
                throw new FormatException($"a comparison has 2 summaries and a choice of 0 or 1; here are {summaries.Count} and {choice}");
            }

            var texts = summaries.Select((s, i) => s is JsonObject fields && fields["text"] is JsonValue value && value.TryGetValue<string>(out var text)
                ? new TextOrMessages(text)
                : throw new FormatException($"field \"summaries\"[{i}].text is missing or not a string")).ToArray();
            var query = Query(info);
            return
            [
                new DatasetRow
                {
                    Type = DatasetType.Preference,
                    Prompt = new(query),
                    Completions = choice == 0 ? texts : [texts[1], texts[0]],
                    Kept = new JsonObject { ["info"] = info, ["summaries"] = summaries, ["choice"] = (int)choice },
                },
            ];
        },
        Write = row => row.Source == OpenAi
            ? []
            : new JsonObject
            {
                ["info"] = new JsonObject { ["post"] = row.Prompt!.AsText() },
                ["summaries"] = new JsonArray(new JsonObject { ["text"] = row.Completions[0].AsText() }, new JsonObject { ["text"] = row.Completions[1].AsText() }),
                ["choice"] = 0,
            },
    };

    /// <summary>AlpacaEval's annotations: preference 1 is output_1, 2 output_2, 1.5 a tie, and what lies between leans to the nearer.</summary>
    public static DatasetFormat AlpacaEval { get; } = new("alpaca-eval", "instruction, output_1, output_2, preference", DatasetType.Preference, DatasetType.Ranking)
    {
        Matches = row => row.ContainsKey("output_1") && row.ContainsKey("output_2"),
        Read = row =>
        {
            var prompt = new TextOrMessages([new Message(Message.User, row.String("instruction"))]);
            TextOrMessages[] outputs = [TextOrMessages.OfAssistant(row.String("output_1")), TextOrMessages.OfAssistant(row.String("output_2"))];
            var preference = row.Number("preference");
            if (preference is not (>= 1 and <= 2))
            {
                throw new FormatException($"field \"preference\" is {preference}; it must lie in [1, 2]");
            }

            var kept = new JsonObject { ["preference"] = preference };
            return preference == 1.5
                ? [new DatasetRow { Type = DatasetType.Ranking, Prompt = prompt, Completions = outputs, Ranks = [0, 0], Kept = kept }]
                : [new DatasetRow { Type = DatasetType.Preference, Prompt = prompt, Completions = preference < 1.5 ? outputs : [outputs[1], outputs[0]], Kept = kept }];
        },
        Write = row =>
        {
            if (row.Completions.Count != 2)
            {
                throw new FormatException($"alpaca-eval holds 2 outputs, here are {row.Completions.Count}");
            }

            var isTie = row.Type == DatasetType.Ranking && row.Ranks[0] == row.Ranks[1];
            var given = row.Source == AlpacaEval ? row.Kept["preference"]?.GetValue<double>() : null;
            var second = !isTie && given > 1.5;
            return new JsonObject
            {
                ["instruction"] = InstructionFormats.SingleTurn(row, "alpaca-eval"),
                ["output_1"] = row.Completions[second ? 1 : 0].AsText(),
                ["output_2"] = row.Completions[second ? 0 : 1].AsText(),
                ["preference"] = given ?? (isTie ? 1.5 : 1.0),
            };
        },
    };

    private static bool IsDialogue(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue<string>(out var text) && text.Contains(Dialogue.AssistantMark, StringComparison.Ordinal);

    private static string Whole(DatasetRow row, int completion) => row.Prompt!.Text is { } prompt && row.Completions[completion].Text is { } answer
        && prompt.EndsWith(Dialogue.AssistantMark, StringComparison.Ordinal)
            ? prompt + answer
            : Dialogue.Write([.. row.Prompt.AsPrompt(), .. row.Completions[completion].AsCompletion()]);

    private static string Query(JsonObject info)
    {
        var fields = new RowColumns((JsonObject)info.DeepClone());
        var (subreddit, title) = (fields.OptionalString("subreddit"), fields.OptionalString("title"));
        var post = fields.OptionalString("post") ?? fields.OptionalString("article") ?? throw RowColumns.Missing("info\".\"post", "a string");
        return subreddit is null || title is null ? post : $"SUBREDDIT: r/{subreddit}\n\nTITLE: {title}\n\nPOST: {post}\n\nTL;DR:";
    }
}
