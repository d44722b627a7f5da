using System.Text.Json.Nodes;
using static Rlhf.Datasets.Formats.Roles;

namespace Rlhf.Datasets.Formats;

/// <summary>
/// K completions of one prompt with their ranks (Ouyang et al. 2022, section 3.5), in any order: the smallest rank is the best, equal ranks are a tie.
/// The columns follow TRL's names; TRL itself has no type for rankings.
/// </summary>
internal static class RankingFormat
{
    public static DatasetFormat Ranking { get; } = new("ranking", "prompt, completions, ranks: 1 is the best, equal ones are a tie", DatasetType.Ranking)
    {
        Matches = row => row.ContainsKey("completions") && row.ContainsKey("ranks"),
        Read = row =>
        {
            var prompt = row.TextOrMessages("prompt");
            var (completions, given) = (row.Array("completions"), row.Array("ranks"));
            var texts = RowColumns.TextsOrMessages(completions, "completions");
            var ranks = given.Select((node, i) => node is JsonValue value && value.TryGetValue<int>(out var rank) ? rank : throw new FormatException($"field \"ranks\"[{i}] is not a whole number")).ToArray();
            if (texts.Count < 2 || ranks.Length != texts.Count)
            {
                throw new FormatException($"a ranking has 2 completions or more, and a rank for each; here are {texts.Count} and {ranks.Length}");
            }

            int[] order = [.. Enumerable.Range(0, ranks.Length).OrderBy(i => ranks[i])];
            return
            [
                new DatasetRow
                {
                    Type = DatasetType.Ranking,
                    Prompt = prompt,
                    Completions = [.. order.Select(i => texts[i])],
                    Ranks = [.. order.Select(i => ranks[i])],
                    Kept = new JsonObject { ["completions"] = completions, ["ranks"] = given },
                },
            ];
        },
        Write = row =>
        {
            var columns = new JsonObject { ["prompt"] = ToNode(row.Prompt!) };
            if (row.Source != Ranking || row.Kept["ranks"]?.AsArray().Count != row.Ranks.Count)
            {
                columns["completions"] = new JsonArray([.. row.Completions.Select(ToNode)]);
                columns["ranks"] = new JsonArray([.. row.Ranks.Select(r => (JsonNode)JsonValue.Create(r))]);
            }

            return columns;
        },
    };
}
