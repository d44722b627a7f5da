using Rlhf.Modeling.Generation;
using Rlhf.TaskFamilies;
using Rlhf.Training.Hyperparameters;

namespace Rlhf.Training.Evaluation;

/// <summary>What an evaluation measures, and on how much. Names follow lm-evaluation-harness where it has one.</summary>
public sealed record EvaluationConfig : IHyperparameters
{
    /// <summary>The suites and task families measured: names of <see cref="EvaluationTasks.All"/>. Default: every suite, which includes every family.</summary>
    public string[] Tasks { get; init; } = [.. EvaluationTasks.Suites];

    /// <summary>K, examples in the context of the few-shot variants; 0 leaves them out. Default 3.</summary>
    public int NumFewshot { get; init; } = 3;

    /// <summary>Whether families that can be worked out are also asked for steps. Default true.</summary>
    public bool ChainOfThought { get; init; } = true;

    /// <summary>Questions of each task family, and the most of every list of prompts. Default 25.</summary>
    public int Limit { get; init; } = 25;

    /// <summary>Documents the built-in corpus's perplexity is measured on; twenty times as many train the n-gram model. Default 100.</summary>
    public int PerplexityDocuments { get; init; } = 100;

    /// <summary>n of the n-gram model. Default 4.</summary>
    public int NgramOrder { get; init; } = 4;

    /// <summary>The most tokens of an answer. Default 96.</summary>
    public int MaxNewTokens { get; init; } = 96;

    /// <summary>T; 0 takes the most probable token each time. Default 0.</summary>
    public double Temperature { get; init; }

    /// <summary>Answers or sentences computed at a time. Default 32.</summary>
    public int BatchSize { get; init; } = 32;

    /// <summary>Bootstrap samples of each interval that has no formula. Default 1000.</summary>
    public int BootstrapIters { get; init; } = 1000;

    /// <summary>In a project: prompts whose two answers, the checkpoint's and the baseline's, people compare blindly. Default 0.</summary>
    public int BlindComparisons { get; init; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Validate()
    {
        var faults = new List<string>();
        if (MaxNewTokens > 0 && Temperature >= 0)
        {
            faults.AddRange(Parameters().Validate());
        }

        Require(Tasks is { Length: > 0 }, "tasks is empty; at least one is needed.");
        foreach (var task in (Tasks ?? []).Where(t => !EvaluationTasks.All.Contains(t)))
        {
            faults.Add($"tasks has '{task}'; legal values: {string.Join(", ", EvaluationTasks.All)}.");
        }

        Require(NumFewshot is >= 0 and <= 100, $"num_fewshot is {NumFewshot}; it must be from 0 to 100.");
        Require(Limit is > 0 and <= 100_000, $"limit is {Limit}; it must be from 1 to 100000.");
        Require(PerplexityDocuments is > 0 and <= 100_000, $"perplexity_documents is {PerplexityDocuments}; it must be from 1 to 100000.");
        Require(NgramOrder is > 0 and <= 10, $"ngram_order is {NgramOrder}; it must be from 1 to 10.");
        Require(MaxNewTokens > 0, $"max_new_tokens is {MaxNewTokens}; it must be positive.");
        Require(Temperature >= 0 && double.IsFinite(Temperature), FormattableString.Invariant($"temperature is {Temperature}; it must be at least 0."));
        Require(BatchSize > 0, $"batch_size is {BatchSize}; it must be positive.");
        Require(BootstrapIters is >= 100 and <= 100_000, $"bootstrap_iters is {BootstrapIters}; it must be from 100 to 100000.");
        Require(BlindComparisons is >= 0 and <= 10_000, $"blind_comparisons is {BlindComparisons}; it must be from 0 to 10000.");
        return faults;

        void Require(bool holds, string fault)
        {
            if (!holds)
            {
                faults.Add(fault);
            }
        }
    }

    /// <summary>Whether a suite is measured.</summary>
    public bool Has(string suite) => Tasks.Contains(suite);

    /// <summary>The task families measured: all of them with the suite of that name, else those named.</summary>
    public IReadOnlyList<ITaskFamily> Families() =>
        [.. TaskFamilyRegistry.All.Where(f => Has(EvaluationTasks.TaskFamilies) || Has(f.Name))];

    // A model that was not taught to stop goes on with another question.
    internal SamplingParameters Parameters() => new() { MaxNewTokens = MaxNewTokens, Temperature = Temperature, StopStrings = ["\n\nHuman:"] };
}
