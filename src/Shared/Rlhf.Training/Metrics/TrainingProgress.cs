namespace Rlhf.Training.Metrics;

/// <summary>What a trainer reports after a step.</summary>
/// <param name="Step">How many steps are done.</param>
/// <param name="TotalSteps">How many the run has.</param>
/// <param name="Metrics">Values by the names in <see cref="MetricNames"/>.</param>
public sealed record TrainingProgress(int Step, int TotalSteps, IReadOnlyDictionary<string, double> Metrics);
