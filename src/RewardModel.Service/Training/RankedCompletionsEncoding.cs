using System.Text.Json.Nodes;
using Rlhf.Datasets;
using Rlhf.Training.Batching;

namespace RewardModel.Service.Training;

/// <summary>From stored texts to <see cref="RankedCompletions"/>.</summary>
public static class RankedCompletionsEncoding
{
    /// <summary>One ranking as tokens; all completions see the same prompt tokens, cut to fit the longest one.</summary>
    /// <param name="encoder">The layout of prompts and answers.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="completions">The completions from the best to the worst, and whether each ended by itself.</param>
    /// <param name="ranks">Their ranks.</param>
    public static RankedCompletions Encode(
        DialogueEncoder encoder, string prompt, IReadOnlyList<(string Text, bool Ended)> completions, int[] ranks)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        var encoded = completions.Select(c => encoder.EncodePair(prompt, c.Text, c.Ended)).ToArray();
        return new RankedCompletions(encoded.MinBy(e => e.Prompt.Length).Prompt, [.. encoded.Select(e => e.Answer)], ranks);
    }

    /// <summary>A preference or ranking row of a data set as tokens; its columns agreement and annotators say who gave the label.</summary>
    public static RankedCompletions Encode(DialogueEncoder encoder, DatasetRow row)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        ArgumentNullException.ThrowIfNull(row);
        var encoded = row.Completions.Select(c => encoder.EncodePair(row.Prompt!, c)).ToArray();
        int[] ranks = row.Type == DatasetType.Ranking ? [.. row.Ranks.Select(r => r + 1)] : [1, 2];
        return new RankedCompletions(encoded.MinBy(e => e.Prompt.Length).Prompt, [.. encoded.Select(e => e.Answer)], ranks)
        {
            Margin = row.Margin,
            Agreement = Number(row, "agreement"),
            Annotators = (int?)Number(row, "annotators"),
        };
    }

    private static double? Number(DatasetRow row, string column) =>
        row.Extra[column] is JsonValue value && value.TryGetValue<double>(out var number) ? number : null;
}
