namespace Rlhf.Training.Runs;

/// <summary>What a worker learns when it writes under its lease.</summary>
public enum LeaseState
{
    /// <summary>The run is still the worker's; the write took effect.</summary>
    Held,

    /// <summary>The write took effect, and somebody asked to stop the run.</summary>
    CancelRequested,

    /// <summary>The run is another worker's or ended; nothing was written.</summary>
    Lost,
}
