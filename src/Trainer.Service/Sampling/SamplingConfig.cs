using Rlhf.Modeling.Generation;
using Rlhf.Training.Hyperparameters;

namespace Trainer.Service.Sampling;

/// <summary>How a project's answers are sampled.</summary>
public sealed record SamplingConfig : IHyperparameters
{
    /// <summary>The most tokens of an answer. Default 96.</summary>
    public int MaxNewTokens { get; init; } = 96;

    /// <summary>T, by which logits are divided; above 0, or all answers to a prompt would be the same. Default 1.</summary>
    public double Temperature { get; init; } = 1.0;

    /// <summary>Sample among the k most probable tokens; 0 = all. Default 0.</summary>
    public int TopK { get; init; }

    /// <summary>Sample within the smallest set of tokens with this probability; 1 = all. Default 1.</summary>
    public double TopP { get; init; } = 1.0;

    /// <summary>Answers sampled at a time. Default 64.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>How many prompts are answered; null takes the project's number. Default null.</summary>
    public int? PromptCount { get; init; }

    /// <summary>K, answers to each prompt. Default 2.</summary>
    public int CompletionsPerPrompt { get; init; } = 2;

    /// <inheritdoc/>
    public IReadOnlyList<string> Validate()
    {
        var faults = new List<string>(Parameters().Validate());
        Require(BatchSize > 0, $"batch_size is {BatchSize}; it must be positive.");
        Require(BatchSize >= CompletionsPerPrompt, $"batch_size is {BatchSize}; all {CompletionsPerPrompt} answers to a prompt are sampled at a time.");
        Require(PromptCount is null or > 0, $"prompt_count is {PromptCount}; it must be positive or null.");
        Require(CompletionsPerPrompt >= 2, $"completions_per_prompt is {CompletionsPerPrompt}; a comparison needs at least 2.");
        return faults;

        void Require(bool holds, string fault)
        {
            if (!holds)
            {
                faults.Add(fault);
            }
        }
    }

    /// <summary>The same for the generator.</summary>
    public SamplingParameters Parameters() =>
        new() { MaxNewTokens = MaxNewTokens, Temperature = Temperature, TopK = TopK, TopP = TopP, NumReturnSequences = CompletionsPerPrompt };
}
