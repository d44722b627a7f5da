namespace Rlhf.Training.Runs;

/// <summary>Why a run is to stop. The first reason counts, but a lost lease overrides every other.</summary>
internal enum StopReason
{
    None,
    Shutdown,
    Cancelled,
    LeaseLost,
}

internal sealed class RunStop : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly Lock _lock = new();

    public CancellationToken Token => _source.Token;

    public StopReason Reason { get; private set; }

    public void Request(StopReason reason)
    {
        lock (_lock)
        {
            if (Reason == StopReason.None || reason == StopReason.LeaseLost)
            {
                Reason = reason;
            }
        }

        _source.Cancel();
    }

    public void Dispose() => _source.Dispose();
}
