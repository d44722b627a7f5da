using System.Globalization;

namespace RewardModel.Service.Training;

/// <summary>
/// Completions of one prompt, best first, as tokens: two of them are a comparison, more are a ranking (Ouyang et al. 2022, section 3.5).
/// </summary>
/// <param name="Prompt">Prompt tokens.</param>
/// <param name="Completions">The completions from the best to the worst, EOS included where one ended with it; at least two.</param>
/// <param name="Ranks">Their ranks, as many, never falling; equal ones are a tie.</param>
public sealed record RankedCompletions(int[] Prompt, int[][] Completions, int[] Ranks)
{
    /// <summary>By how much the better score should lead, for graded preferences; plays no part in ties. Null where the label says nothing.</summary>
    public double? Margin { get; init; }

    /// <summary>Share of the annotators who gave this label; null where nobody counted.</summary>
    public double? Agreement { get; init; }

    /// <summary>How many annotators labelled this; null where nobody counted.</summary>
    public int? Annotators { get; init; }

    /// <summary>The best completion.</summary>
    public int[] Chosen => Completions[0];

    /// <summary>The worst completion.</summary>
    public int[] Rejected => Completions[^1];

    /// <summary>Whether all completions are as good as each other.</summary>
    public bool IsTie => Ranks[0] == Ranks[^1];

    /// <summary>
    /// The chance that another annotator gives the same label, from those who did: (agreeing − 1) / (annotators − 1); null with fewer than two.
    /// </summary>
    public double? HumanAgreement =>
        Agreement is { } share && Annotators is { } count && count >= 2 ? Math.Max(0, ((share * count) - 1) / (count - 1)) : null;

    /// <summary>One comparison.</summary>
    /// <param name="prompt">Prompt tokens.</param>
    /// <param name="chosen">The preferred completion; of a tie, either.</param>
    /// <param name="rejected">The other completion.</param>
    /// <param name="isTie">Whether the annotator saw no difference.</param>
    /// <param name="margin">As <see cref="Margin"/>.</param>
    public static RankedCompletions Pair(int[] prompt, int[] chosen, int[] rejected, bool isTie = false, double? margin = null) =>
        new(prompt, [chosen, rejected], [1, isTie ? 1 : 2]) { Margin = margin };

    /// <summary>All K·(K − 1)/2 comparisons of the ranking, as positions in <see cref="Completions"/>.</summary>
    internal IEnumerable<(int Better, int Worse, bool IsTie)> Pairs()
    {
        for (var better = 0; better < Completions.Length; better++)
        {
            for (var worse = better + 1; worse < Completions.Length; worse++)
            {
                yield return (better, worse, Ranks[better] == Ranks[worse]);
            }
        }
    }

    /// <summary>What is wrong with it as an example of a training set; null where nothing is.</summary>
    internal string? Fault(int maxTokens)
    {
        if (Completions.Length < 2 || Ranks.Length != Completions.Length)
        {
            return Text($"has {Completions.Length} completions and {Ranks.Length} ranks; it needs at least 2 completions and as many ranks");
        }

        if (Ranks.Zip(Ranks.Skip(1)).Any(r => r.Second < r.First))
        {
            return $"has the ranks {string.Join(", ", Ranks)}; completions go from the best to the worst, so ranks never fall";
        }

        if (Prompt.Length == 0 || Completions.Any(c => c.Length == 0))
        {
            return "has an empty prompt or completion";
        }

        var longest = Prompt.Length + Completions.Max(c => c.Length);
        if (longest > maxTokens)
        {
            return Text($"has {longest} tokens; the model has {maxTokens} positions");
        }

        if (Agreement is not (null or (> 0 and <= 1)) || !double.IsFinite(Margin ?? 0))
        {
            return Text($"has agreement {Agreement} and margin {Margin}; agreement lies in (0, 1] and margin is finite");
        }

        return null;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
