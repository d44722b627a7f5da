using Rlhf.TaskFamilies;

namespace Rlhf.Training.Evaluation;

/// <summary>What can be measured, by the names that --tasks and results have.</summary>
public static class EvaluationTasks
{
    /// <summary>Perplexity beside that of an n-gram model.</summary>
    public const string Perplexity = "perplexity";

    /// <summary>Pass rates of every task family.</summary>
    public const string TaskFamilies = "task_families";

    /// <summary>Instructions that a program can check.</summary>
    public const string InstructionFollowing = "instruction_following";

    /// <summary>Which of two sentences is more probable.</summary>
    public const string BiasPairs = "bias_pairs";

    /// <summary>Whether harmful requests are refused.</summary>
    public const string Refusal = "refusal";

    /// <summary>How much answers repeat themselves.</summary>
    public const string Repetition = "repetition";

    /// <summary>Facts in answers that the prompt does not support.</summary>
    public const string ClosedWorld = "closed_world";

    /// <summary>The suites.</summary>
    public static IReadOnlyList<string> Suites { get; } = [Perplexity, TaskFamilies, InstructionFollowing, BiasPairs, Refusal, Repetition, ClosedWorld];

    /// <summary>The suites and, each by its name, the task families.</summary>
    public static IReadOnlyList<string> All { get; } = [.. Suites, .. TaskFamilyRegistry.All.Select(f => f.Name)];
}
