namespace Trainer.Service.Algorithms.Common;

/// <summary>Something that always holds in a correct run does not; going on would train on wrong numbers.</summary>
public sealed class TrainingGuardException(string message) : Exception(message);
