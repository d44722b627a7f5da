using System.Globalization;
using Rlhf.Data.Entities;

namespace Trainer.Service.Cycles;

/// <summary>What a finished stage must have reached before the next one starts. A gate that is not set, or has nothing to measure on, lets pass.</summary>
internal static class CycleGates
{
    /// <summary>Whether a policy may train on the reward model.</summary>
    /// <param name="project">Its accuracy gate.</param>
    /// <param name="accuracy">Accuracy on held-out judgments; null when there are none: the first cycles of a small project.</param>
    /// <returns>Why not; null when it may.</returns>
    public static string? RefuseRewardModel(Project project, double? accuracy) =>
        accuracy < project.RewardAccuracyGate
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"reward-model accuracy {accuracy:P1} on held-out judgments is below the gate {project.RewardAccuracyGate:P1}: more judgments are needed")
            : null;

    /// <summary>Whether a new policy may become the project's.</summary>
    /// <param name="project">Its KL budget and held-out score gate.</param>
    /// <param name="numbers">What its PPO run measured.</param>
    /// <returns>Why not, all reasons together; null when it may.</returns>
    public static string? RefusePolicy(Project project, PolicyNumbers numbers)
    {
        var reasons = new List<string>();
        if (project.KlBudget is { } budget)
        {
            // A run stores every finite value, so a missing one was none: as far from the old policy as can be.
            if (numbers.Kl is not { } kl)
            {
                reasons.Add(string.Create(CultureInfo.InvariantCulture, $"the run reported no finite KL, and the budget is {budget:0.###} nats"));
            }
            else if (kl > budget)
            {
                reasons.Add(string.Create(CultureInfo.InvariantCulture, $"KL {kl:0.###} nats per answer is over the budget {budget:0.###}"));
            }
        }

        if (project.HeldOutScoreGate is { } gate && numbers.Gain < gate)
        {
            reasons.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"the mean score on held-out prompts went from {numbers.ScoreStart:0.###} to {numbers.Score:0.###}, a gain of {numbers.Gain:0.###}, below the gate {gate:0.###}"));
        }

        return reasons.Count == 0 ? null : string.Join("; ", reasons);
    }
}

/// <summary>What the planner reads of a finished PPO run.</summary>
/// <param name="Kl"><c>objective/kl</c> of its last update, nats per answer.</param>
/// <param name="ScoreStart"><c>eval/score_start</c>: mean reward of the starting policy on held-out prompts; null without such prompts.</param>
/// <param name="Score"><c>eval/score</c>: the same of the new policy.</param>
internal sealed record PolicyNumbers(double? Kl, double? ScoreStart, double? Score)
{
    /// <summary>Score less starting score.</summary>
    public double? Gain => Score - ScoreStart;
}
