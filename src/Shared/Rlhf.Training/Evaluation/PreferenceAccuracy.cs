using Rlhf.Numerics;

namespace Rlhf.Training.Evaluation;

/// <summary>How often a reward model agrees with the preferences of people.</summary>
public static class PreferenceAccuracy
{
    /// <summary>The share of comparisons whose preferred side scored higher, with its 95 % Wilson interval. Equal scores count half.</summary>
    /// <param name="preferredScores">Scores of the preferred completions.</param>
    /// <param name="rejectedScores">Scores of the others, in the same order.</param>
    public static Interval Measure(IReadOnlyList<float> preferredScores, IReadOnlyList<float> rejectedScores)
    {
        if (preferredScores.Count != rejectedScores.Count)
        {
            throw new ArgumentException($"There are {preferredScores.Count} preferred and {rejectedScores.Count} rejected scores.", nameof(rejectedScores));
        }

        var agreed = 0.0;
        for (var i = 0; i < preferredScores.Count; i++)
        {
            agreed += preferredScores[i].CompareTo(rejectedScores[i]) switch { > 0 => 1.0, 0 => 0.5, _ => 0.0 };
        }

        return Statistics.Wilson(agreed, preferredScores.Count);
    }
}
