using System.Text.Json;
using System.Text.Json.Nodes;
using static Rlhf.Datasets.Formats.Roles;

namespace Rlhf.Datasets.Formats;

/// <summary>The types of TRL (docs, "Dataset formats and types"), each in the standard format (strings) and the conversational one (messages).</summary>
internal static class TrlFormats
{
    public static DatasetFormat LanguageModeling { get; } = new("language-modeling", "text, or messages", DatasetType.LanguageModeling)
    {
        Matches = row => row.ContainsKey("text") || row.ContainsKey("messages"),
        Read = row =>
        {
            var text = row.Rest.ContainsKey("messages") ? new TextOrMessages(row.Messages("messages")) : new TextOrMessages(row.String("text"));
            return [new DatasetRow { Type = DatasetType.LanguageModeling, Completions = [text] }];
        },
        Write = row => new JsonObject { [row.Completions[0].Messages is null ? "text" : "messages"] = ToNode(row.Completions[0]) },
    };

    public static DatasetFormat Text { get; } = new("text", "none: a text a line", DatasetType.LanguageModeling)
    {
        Read = row => [new DatasetRow { Type = DatasetType.LanguageModeling, Completions = [new TextOrMessages(row.String("text"))] }],
        Write = row => row.Completions[0].Text is { } text && text.AsSpan().IndexOfAny('\n', '\r') < 0
            ? new JsonObject { ["text"] = text }
            : throw new FormatException("a conversation, or a text with a line break, is not a line of plain text"),
    };

    public static DatasetFormat PromptOnly { get; } = new("prompt-only", "prompt", DatasetType.PromptOnly)
    {
        Matches = row => row.ContainsKey("prompt"),
        Read = row => [new DatasetRow { Type = DatasetType.PromptOnly, Prompt = row.TextOrMessages("prompt") }],
        Write = row => new JsonObject { ["prompt"] = ToNode(row.Prompt!) },
    };

    public static DatasetFormat PromptCompletion { get; } = new("prompt-completion", "prompt, completion", DatasetType.PromptCompletion)
    {
        Matches = row => row.ContainsKey("prompt") && row.ContainsKey("completion"),
        Read = row => [new DatasetRow { Type = DatasetType.PromptCompletion, Prompt = row.TextOrMessages("prompt"), Completions = [row.TextOrMessages("completion")] }],
        Write = row => new JsonObject { ["prompt"] = ToNode(row.Prompt!), ["completion"] = ToNode(row.Completions[0]) },
    };

    public static DatasetFormat Preference { get; } = new("preference", "prompt, chosen, rejected; margin if there is one", DatasetType.Preference)
    {
        Matches = row => row.ContainsKey("prompt") && row.ContainsKey("chosen") && row.ContainsKey("rejected"),
        Read = row =>
        [
            new DatasetRow
            {
                Type = DatasetType.Preference,
                Prompt = row.TextOrMessages("prompt"),
                Completions = [row.TextOrMessages("chosen"), row.TextOrMessages("rejected")],
                Margin = row.OptionalNumber("margin"),
            },
        ],
        Write = row =>
        {
            var columns = new JsonObject { ["prompt"] = ToNode(row.Prompt!), ["chosen"] = ToNode(row.Completions[0]), ["rejected"] = ToNode(row.Completions[1]) };
            if (row.Margin is { } margin)
            {
                columns["margin"] = margin;
            }

            return columns;
        },
    };

    public static DatasetFormat ImplicitPreference { get; } = new("preference-implicit", "chosen, rejected: both with the prompt in front", DatasetType.Preference)
    {
        Matches = row => row.ContainsKey("chosen") && row.ContainsKey("rejected"),
        Read = row => [Implicit(row.TextOrMessages("chosen"), row.TextOrMessages("rejected")) with { Margin = row.OptionalNumber("margin") }],
        Write = row =>
        {
            var columns = new JsonObject { ["chosen"] = ToNode(Whole(row, 0)), ["rejected"] = ToNode(Whole(row, 1)) };
            if (row.Margin is { } margin)
            {
                columns["margin"] = margin;
            }

            return columns;
        },
    };

    public static DatasetFormat UnpairedPreference { get; } = new("unpaired-preference", "prompt, completion, label", DatasetType.UnpairedPreference)
    {
        Matches = row => row.ContainsKey("completion") && row.ContainsKey("label"),
        Read = row =>
        [
            new DatasetRow
            {
                Type = DatasetType.UnpairedPreference,
                Prompt = row.TextOrMessages("prompt"),
                Completions = [row.TextOrMessages("completion")],
                Labels = [row.Bool("label")],
            },
        ],
        Write = row => new JsonObject { ["prompt"] = ToNode(row.Prompt!), ["completion"] = ToNode(row.Completions[0]), ["label"] = row.Labels[0] },
    };

    public static DatasetFormat StepwiseSupervision { get; } = new("stepwise-supervision", "prompt, completions, labels", DatasetType.StepwiseSupervision)
    {
        Matches = row => row.ContainsKey("completions") && row.ContainsKey("labels"),
        Read = row =>
        {
            var steps = row.Array("completions").Select((step, i) => step is JsonValue value && value.TryGetValue<string>(out var text)
                ? new TextOrMessages(text)
                : throw new FormatException($"field \"completions\"[{i}] is not a string")).ToArray();
            var labels = row.Bools("labels");
            return labels.Length != steps.Length
                ? throw new FormatException($"field \"labels\" has {labels.Length} entries for {steps.Length} completions")
                : [new DatasetRow { Type = DatasetType.StepwiseSupervision, Prompt = row.TextOrMessages("prompt"), Completions = steps, Labels = labels }];
        },
        Write = row => new JsonObject
        {
            ["prompt"] = ToNode(row.Prompt!),
            ["completions"] = new JsonArray([.. row.Completions.Select(ToNode)]),
            ["labels"] = new JsonArray([.. row.Labels.Select(l => (JsonNode)JsonValue.Create(l))]),
        },
    };

    // As TRL's extract_prompt: what both share; of strings, a space before the first difference belongs to the completions.
    private static DatasetRow Implicit(TextOrMessages chosen, TextOrMessages rejected)
    {
        if (chosen.Messages is { } ours && rejected.Messages is { } theirs)
        {
            var shared = 0;
            while (shared < Math.Min(ours.Count, theirs.Count) && JsonNode.DeepEquals(ours[shared].ToJson(), theirs[shared].ToJson()))
            {
                shared++;
            }

            return shared == 0 || shared == ours.Count || shared == theirs.Count
                ? throw new FormatException("\"chosen\" and \"rejected\" do not share a prompt that both continue")
                : Row(new(ours.Take(shared)), new(ours.Skip(shared)), new(theirs.Skip(shared)));
        }

        if (chosen.Text is not { } good || rejected.Text is not { } bad)
        {
            throw new FormatException("\"chosen\" and \"rejected\" must both be strings or both be messages");
        }

        var common = good.AsSpan().CommonPrefixLength(bad);
        common -= common > 0 && good[common - 1] == ' ' ? 1 : 0;
        common -= common > 0 && char.IsHighSurrogate(good[common - 1]) ? 1 : 0;
        return common == 0
            ? throw new FormatException("\"chosen\" and \"rejected\" do not share a prompt")
            : Row(new(good[..common]), new(good[common..]), new(bad[common..]));

        static DatasetRow Row(TextOrMessages prompt, TextOrMessages good, TextOrMessages bad) =>
            new() { Type = DatasetType.Preference, Prompt = prompt, Completions = [good, bad] };
    }

    private static TextOrMessages Whole(DatasetRow row, int completion) => row.Prompt!.Messages is null && row.Completions[completion].Messages is null
        ? new TextOrMessages(row.Prompt.Text + row.Completions[completion].Text)
        : new TextOrMessages([.. row.Prompt.AsPrompt(), .. row.Completions[completion].AsCompletion()]);
}
