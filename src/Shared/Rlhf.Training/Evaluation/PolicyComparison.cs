namespace Rlhf.Training.Evaluation;

/// <summary>Two policies' answers to the same prompts, and who won.</summary>
/// <param name="Prompts">The prompts.</param>
/// <param name="First">The measured policy's answers.</param>
/// <param name="Second">The other's.</param>
/// <param name="Measures">Win rates of the measured policy.</param>
public sealed record PolicyComparison(
    IReadOnlyList<ComparisonPrompt> Prompts, IReadOnlyList<ModelAnswer> First, IReadOnlyList<ModelAnswer> Second, IReadOnlyList<EvaluationMeasure> Measures);
