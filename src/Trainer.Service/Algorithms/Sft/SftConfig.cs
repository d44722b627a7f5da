using Rlhf.Training.Offline;

namespace Trainer.Service.Algorithms.Sft;

/// <summary>The hyperparameters of supervised fine-tuning; names as in TRL's <c>SFTConfig</c>.</summary>
public sealed record SftConfig : OfflineTrainingConfig
{
    /// <summary>
    /// The most tokens of a demonstration, and with <see cref="Packing"/> of a row; what is longer is cut at its end. Null: the model's
    /// positions. Default null.
    /// </summary>
    public int? MaxLength { get; init; }

    /// <summary>
    /// Put several demonstrations into a row (best fit decreasing), attention and positions kept apart: the same steps with less padding.
    /// Default false.
    /// </summary>
    public bool Packing { get; init; }

    /// <summary>Learn only completions, not prompts. Null: where a row has a prompt; rows that are one text or one conversation have none. Default null.</summary>
    public bool? CompletionOnlyLoss { get; init; }

    /// <summary>
    /// Learn only what the assistant says in a conversation, as the chat template's <c>{% generation %}</c> blocks mark it. Default false.
    /// </summary>
    public bool AssistantOnlyLoss { get; init; }

    /// <summary>α of NEFTune's noise in training, usually 5 to 15; null: no noise. Default null.</summary>
    public double? NeftuneNoiseAlpha { get; init; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Validate()
    {
        var faults = base.Validate().ToList();
        Require(faults, MaxLength is null or > 1, $"max_length is {MaxLength}; it must be at least 2, or null for the model's positions.");
        Require(faults, NeftuneNoiseAlpha is null or > 0, $"neftune_noise_alpha is {NeftuneNoiseAlpha}; it must be positive, or null for no noise.");
        return faults;
    }
}
