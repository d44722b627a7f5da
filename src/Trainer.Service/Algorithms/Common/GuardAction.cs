namespace Trainer.Service.Algorithms.Common;

/// <summary>What happens when a guard sees a run go wrong.</summary>
public enum GuardAction
{
    /// <summary>It is said, once when it begins.</summary>
    Warn,

    /// <summary>The run stops.</summary>
    Stop,

    /// <summary>Nothing. Invariants (ρ = 1, KL = 0 at the start, finite numbers) stop a run even so.</summary>
    Off,
}
