using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Heads;

namespace Rlhf.Training.Evaluation;

/// <summary>
/// Several reward models that judge together (Coste et al. 2023, "Reward model ensembles help mitigate overoptimization"): their mean less λ
/// standard deviations, so that a policy gains nothing where they disagree. A single model is an ensemble of one.
/// </summary>
/// <param name="members">The models; owned.</param>
/// <param name="uncertaintyPenalty">λ, at least 0.</param>
public sealed class RewardEnsemble(IReadOnlyList<ScalarHeadModel> members, double uncertaintyPenalty = 0) : IDisposable
{
    /// <summary>The models.</summary>
    public IReadOnlyList<ScalarHeadModel> Members { get; } = members.Count > 0 ? members : throw new ArgumentException("An ensemble needs a member.");

    /// <summary>λ.</summary>
    public double UncertaintyPenalty { get; } = uncertaintyPenalty;

    /// <summary>Loads a reward-model directory, an ensemble or a single model.</summary>
    /// <exception cref="CheckpointException">If files are absent or damaged.</exception>
    public static RewardEnsemble Load(string directory)
    {
        var (members, penalty) = PretrainedEnsemble.Load(directory);
        return new RewardEnsemble(members, penalty);
    }

    /// <summary>Scores sequences.</summary>
    /// <param name="sequences">Prompt and completion tokens, none empty.</param>
    public EnsembleScores Score(IReadOnlyList<int[]> sequences)
    {
        ArgumentNullException.ThrowIfNull(sequences);
        var scores = Members.Select(m => SequenceScorer.Score(m, sequences, m.Config.PadTokenId ?? 0)).ToArray();
        return Combine(scores, UncertaintyPenalty);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var member in Members)
        {
            member.Dispose();
        }
    }

    internal static EnsembleScores Combine(IReadOnlyList<float[]> scores, double penalty)
    {
        if (scores.Count == 1)
        {
            return new EnsembleScores(scores[0], new float[scores[0].Length], scores[0]);
        }

        var means = new float[scores[0].Length];
        var deviations = new float[means.Length];
        for (var i = 0; i < means.Length; i++)
        {
            var mean = scores.Average(s => (double)s[i]);
            means[i] = (float)mean;
            deviations[i] = (float)Math.Sqrt(scores.Average(s => (s[i] - mean) * (s[i] - mean)));
        }

        return new EnsembleScores(means, deviations, [.. means.Zip(deviations, (mean, deviation) => (float)(mean - (penalty * deviation)))]);
    }
}

/// <summary>What an ensemble says about some sequences.</summary>
/// <param name="Means">Mean scores of the members.</param>
/// <param name="Uncertainties">Standard deviations of the members' scores (divided by their number); 0 with one member.</param>
/// <param name="Scores">Mean less λ standard deviations: what a policy is trained on.</param>
public sealed record EnsembleScores(float[] Means, float[] Uncertainties, float[] Scores);
