using Rlhf.Numerics;

namespace Rlhf.Training.Evaluation;

/// <summary>How often one policy's answers beat another's.</summary>
public static class WinRate
{
    /// <summary>
    /// The win rate of a challenger over a baseline on the same prompts, with a 95 % bootstrap interval over prompts: several answers
    /// to one prompt are no independent evidence. Equal scores count half.
    /// </summary>
    /// <typeparam name="TPrompt">What a prompt is to the policies and the score.</typeparam>
    /// <param name="prompts">The prompts; at least one.</param>
    /// <param name="challenger">Answers one prompt; the number counts that prompt's answers from 0.</param>
    /// <param name="baseline">Answers one prompt.</param>
    /// <param name="score">Scores an answer; higher is better.</param>
    /// <param name="random">Where the resampling draws from.</param>
    /// <param name="answersPerPrompt">Comparisons on each prompt.</param>
    public static Interval Measure<TPrompt>(
        IReadOnlyList<TPrompt> prompts,
        Func<TPrompt, int, string> challenger,
        Func<TPrompt, int, string> baseline,
        Func<TPrompt, string, double> score,
        Philox random,
        int answersPerPrompt = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(answersPerPrompt);
        var clusters = prompts
            .Select(p => (IReadOnlyList<double>)
            [
                .. Enumerable.Range(0, answersPerPrompt)
                    .Select(i => score(p, challenger(p, i)).CompareTo(score(p, baseline(p, i))) switch { > 0 => 1.0, 0 => 0.5, _ => 0.0 }),
            ])
            .ToArray();
        return Statistics.ClusterBootstrap(clusters, random);
    }
}
