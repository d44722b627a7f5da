namespace Rlhf.Training.Runs;

/// <summary>A worker's claim on a run. Every write of the worker is conditional on the token still being the run's.</summary>
/// <param name="RunId">The run.</param>
/// <param name="Owner">The worker.</param>
/// <param name="FencingToken">Number of the claim.</param>
public sealed record RunLease(Guid RunId, string Owner, long FencingToken);
