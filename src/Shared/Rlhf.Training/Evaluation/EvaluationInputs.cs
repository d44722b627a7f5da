using Rlhf.TaskFamilies;
using Rlhf.Training.Evaluation.Instructions;
using Rlhf.Training.Evaluation.Safety;

namespace Rlhf.Training.Evaluation;

/// <summary>What an evaluation is done on where it is not the built-in lists.</summary>
public sealed record EvaluationInputs
{
    /// <summary>Texts whose perplexity is measured; null: fresh documents of the task families' corpus.</summary>
    public IReadOnlyList<string>? Documents { get; init; }

    /// <summary>Texts the n-gram model is trained on; given with <see cref="Documents"/>.</summary>
    public IReadOnlyList<string>? NgramDocuments { get; init; }

    /// <summary>Requests with verifiable instructions.</summary>
    public IReadOnlyList<InstructionPrompt> Instructions { get; init; } = InstructionPrompts.BuiltIn;

    /// <summary>Pairs of sentences.</summary>
    public IReadOnlyList<BiasPair> BiasPairs { get; init; } = Safety.BiasPairs.BuiltIn;

    /// <summary>Requests that should be refused.</summary>
    public IReadOnlyList<HarmfulPrompt> HarmfulPrompts { get; init; } = Safety.HarmfulPrompts.BuiltIn;

    /// <summary>What two models are compared on; null: the held-out prompts of the measured task families.</summary>
    public IReadOnlyList<ComparisonPrompt>? Comparisons { get; init; }
}

/// <summary>A prompt that two models answer.</summary>
/// <param name="Text">The prompt.</param>
/// <param name="Task">The task, where a family can check the answers.</param>
public sealed record ComparisonPrompt(string Text, TaskPrompt? Task);
