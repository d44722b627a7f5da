namespace Rlhf.Hosting;

/// <summary>When the run worker of this process last showed that it is there: on every look at the queue, and on every heartbeat of a run.</summary>
public sealed class WorkerPulse(TimeProvider time)
{
    private long _last = time.GetTimestamp();

    /// <summary>The worker is there.</summary>
    public void Beat() => Interlocked.Exchange(ref _last, time.GetTimestamp());

    /// <summary>Time since the last beat, or since the start.</summary>
    public TimeSpan Age => time.GetElapsedTime(Interlocked.Read(ref _last));
}
