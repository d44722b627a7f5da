using System.Text.Json.Nodes;

namespace Rlhf.Datasets.Formats;

/// <summary>
/// OpenAssistant's message trees (Köpf et al. 2023): every message of a person with at least two ranked replies is a ranking of K answers. A
/// tree may so be several rows, or none; what is not ranked is left out. A row is written as a tree of its own.
/// </summary>
internal static class TreeFormat
{
    private const int MaximumDepth = 200;

    public static DatasetFormat Oasst { get; } = new("oasst", "message_tree_id, prompt: text, role, replies: text, rank", DatasetType.Ranking)
    {
        Matches = row => row["prompt"] is JsonObject,
        Read = row =>
        {
            var rows = new List<DatasetRow>();
            Walk(row.Object("prompt"), [], rows);
            return rows;
        },
        Write = row =>
        {
            var messages = row.Prompt!.AsPrompt();
            var replies = new JsonArray([.. row.Completions.Select((c, i) => (JsonNode)Node(ConversationFormats.Only(c), [], row.Ranks[i]))]);
            for (var i = messages.Count - 1; i > 0; i--)
            {
                replies = new JsonArray(Node(messages[i], replies, null));
            }

            var root = Node(messages[0], replies, null);
            return new JsonObject { ["message_tree_id"] = row.Source == Oasst ? row.Extra["message_tree_id"]?.DeepClone() : $"row-{row.Line}", ["prompt"] = root };
        },
    };

    private static void Walk(JsonObject node, List<Message> path, List<DatasetRow> rows)
    {
        if (path.Count >= MaximumDepth)
        {
            throw new FormatException($"the tree is deeper than {MaximumDepth} messages");
        }

        var message = new Message(String(node, "role") switch { "prompter" => Message.User, var role => role }, String(node, "text"));
        path.Add(message);
        var replies = (node["replies"] as JsonArray ?? []).Select((r, i) => r as JsonObject ?? throw new FormatException($"field \"replies\"[{i}] is not an object")).ToArray();
        var ranked = replies.Where(r => r["rank"] is JsonValue value && value.TryGetValue<int>(out _)).OrderBy(r => r["rank"]!.GetValue<int>()).ToArray();
        if (message.Role == Message.User && ranked.Length >= 2)
        {
            var ranks = ranked.Select(r => r["rank"]!.GetValue<int>()).ToArray();
            rows.Add(new DatasetRow
            {
                Type = DatasetType.Ranking,
                Prompt = new(path),
                Completions = [.. ranked.Select(r => TextOrMessages.OfAssistant(String(r, "text")))],
                Ranks = ranks,
            });
        }

        foreach (var reply in replies)
        {
            Walk(reply, path, rows);
        }

        path.RemoveAt(path.Count - 1);
    }

    private static string String(JsonObject node, string name) =>
        node[name] is JsonValue value && value.TryGetValue<string>(out var text) ? text : throw RowColumns.Missing(name, "a string");

    private static JsonObject Node(Message message, JsonArray replies, int? rank)
    {
        var node = new JsonObject { ["text"] = message.Content, ["role"] = message.Role == Message.User ? "prompter" : message.Role, ["replies"] = replies };
        if (rank is { } value)
        {
            node["rank"] = value;
        }

        return node;
    }
}
