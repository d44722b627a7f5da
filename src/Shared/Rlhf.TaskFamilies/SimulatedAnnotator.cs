using Rlhf.Numerics;

namespace Rlhf.TaskFamilies;

/// <summary>
/// A stand-in for a person who compares two answers: a noisy reader of the score. With Δ = score(a) − score(b) the steps are
/// <list type="number">
/// <item>if |Δ| &lt; <see cref="TieMargin"/>, "tie" with probability <see cref="TieRate"/>;</item>
/// <item>otherwise "a" with probability σ(β Δ), else "b" (Bradley and Terry 1952).</item>
/// </list>
/// So the share of decided judgments that agree with the score is σ(β |Δ|): with β = 8 it is 0.69 at |Δ| = 0.1, 0.92 at 0.3
/// and 0.99 at 0.6. <see cref="ExpectedAccuracy"/> averages it over pairs.
/// </summary>
public sealed class SimulatedAnnotator
{
    /// <summary>The answer "the first one is better".</summary>
    public const string ChoiceA = "a";

    /// <summary>The answer "the second one is better".</summary>
    public const string ChoiceB = "b";

    /// <summary>The answer "they are equally good".</summary>
    public const string ChoiceTie = "tie";

    /// <summary>An annotator.</summary>
    /// <param name="beta">How sharply the annotator tells scores apart; 0 guesses, large is exact.</param>
    /// <param name="tieRate">How often two answers of nearly the same score are called equal, in [0, 1].</param>
    /// <param name="tieMargin">Scores nearer than this are nearly the same.</param>
    /// <exception cref="ArgumentOutOfRangeException">If a parameter is outside its range.</exception>
    public SimulatedAnnotator(double beta = 8, double tieRate = 0.5, double tieMargin = 0.05)
    {
        Beta = double.IsFinite(beta) && beta >= 0 ? beta
            : throw new ArgumentOutOfRangeException(nameof(beta), beta, "beta must be a finite number of at least 0.");
        TieRate = tieRate is >= 0 and <= 1 ? tieRate
            : throw new ArgumentOutOfRangeException(nameof(tieRate), tieRate, "The tie rate must lie in [0, 1].");
        TieMargin = double.IsFinite(tieMargin) && tieMargin >= 0 ? tieMargin
            : throw new ArgumentOutOfRangeException(nameof(tieMargin), tieMargin, "The tie margin must be a finite number of at least 0.");
    }

    /// <summary>The slope β of the choice function.</summary>
    public double Beta { get; }

    /// <summary>The probability of "tie" for two answers of nearly the same score.</summary>
    public double TieRate { get; }

    /// <summary>Below this difference two scores are nearly the same.</summary>
    public double TieMargin { get; }

    /// <summary>The probability of "a" given that the judgment is no tie.</summary>
    public double ProbabilityOfA(double scoreA, double scoreB) => 1.0 / (1.0 + Math.Exp(-Beta * (scoreA - scoreB)));

    /// <summary>The probability of "tie".</summary>
    public double ProbabilityOfTie(double scoreA, double scoreB) => Math.Abs(scoreA - scoreB) < TieMargin ? TieRate : 0;

    /// <summary>
    /// The probability that a decided judgment agrees with the score: the mean of σ(β |Δ|) over the pairs, each weighted with its
    /// probability of being decided. Pairs of equal score have no right answer and do not count; NaN if no pair counts.
    /// </summary>
    public double ExpectedAccuracy(IEnumerable<(double ScoreA, double ScoreB)> pairs)
    {
        double sum = 0, weight = 0;
        foreach (var (a, b) in pairs.Where(p => p.ScoreA != p.ScoreB))
        {
            var decided = 1 - ProbabilityOfTie(a, b);
            sum += decided * ProbabilityOfA(Math.Max(a, b), Math.Min(a, b));
            weight += decided;
        }

        return sum / weight;
    }

    /// <summary>The choice between two answers: "a", "b" or "tie".</summary>
    public string Choose(TaskPrompt prompt, string answerA, string answerB, Philox random) =>
        Choose(TaskFamilyRegistry.Score(prompt, answerA).Value, TaskFamilyRegistry.Score(prompt, answerB).Value, random);

    /// <summary>
    /// The choice of the annotator with this seed at this task: the same whenever it is asked, whatever was judged before.
    /// </summary>
    public string Choose(TaskPrompt prompt, string answerA, string answerB, ulong seed, ulong taskKey) =>
        Choose(prompt, answerA, answerB, new Philox(seed, taskKey));

    /// <summary>The choice between two scores. Always draws two numbers, so that streams stay in step.</summary>
    public string Choose(double scoreA, double scoreB, Philox random)
    {
        var isTie = random.Chance(ProbabilityOfTie(scoreA, scoreB));
        var isA = random.Chance(ProbabilityOfA(scoreA, scoreB));
        return isTie ? ChoiceTie : isA ? ChoiceA : ChoiceB;
    }
}
