using Rlhf.Training.Offline;

namespace Trainer.Service.Algorithms.Distillation;

/// <summary>The hyperparameters of distillation; names and defaults as in TRL's <c>GKDConfig</c> except where a summary says otherwise.</summary>
public sealed record DistillationConfig : OfflineTrainingConfig
{
    /// <summary>
    /// Sequence-level distillation (Kim and Rush 2016): the teacher answers every prompt once, and the student is fine-tuned on the answers
    /// with cross-entropy. Beta and lmbda do not count then. Default false.
    /// </summary>
    public bool SeqKd { get; init; }

    /// <summary>β of the generalised Jensen–Shannon divergence: 0 is the forward KL(teacher ‖ student), 1 the reverse. Default 0.5.</summary>
    public double Beta { get; init; } = 0.5;

    /// <summary>λ: the share of steps whose completions the student samples itself, instead of the data's. Default 0.5.</summary>
    public double Lmbda { get; init; } = 0.5;

    /// <summary>Divides both models' logits in the divergence, and those that completions are sampled from. Default 1 (TRL: 0.9, for samples only).</summary>
    public double Temperature { get; init; } = 1.0;

    /// <summary>Longest sampled completion, tokens. Default 128.</summary>
    public int MaxNewTokens { get; init; } = 128;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Validate()
    {
        var faults = base.Validate().ToList();
        Require(faults, Beta is >= 0 and <= 1, $"beta is {Beta}; it must lie in [0, 1].");
        Require(faults, Lmbda is >= 0 and <= 1, $"lmbda is {Lmbda}; it must lie in [0, 1].");
        Require(faults, Temperature > 0, $"temperature is {Temperature}; it must be positive.");
        Require(faults, MaxNewTokens > 0, $"max_new_tokens is {MaxNewTokens}; it must be positive.");
        return faults;
    }
}
