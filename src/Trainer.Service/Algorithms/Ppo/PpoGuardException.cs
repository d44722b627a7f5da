namespace Trainer.Service.Algorithms.Ppo;

/// <summary>Something that always holds in a correct PPO run does not; going on would train on wrong numbers.</summary>
public sealed class PpoGuardException(string message) : Exception(message);
