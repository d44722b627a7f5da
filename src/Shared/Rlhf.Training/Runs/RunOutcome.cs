namespace Rlhf.Training.Runs;

/// <summary>How an attempt at a run ended.</summary>
internal enum RunOutcome
{
    /// <summary>Its effects are committed.</summary>
    Completed,

    /// <summary>It stays until somebody resumes it.</summary>
    Failed,

    /// <summary>Somebody asked to stop it.</summary>
    Cancelled,

    /// <summary>Given back in good order: the process stops.</summary>
    Released,

    /// <summary>Queued again after a failure that may pass.</summary>
    Retried,

    /// <summary>It is another worker's, or its end could not be written.</summary>
    LeaseLost,
}
