using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Training.Storage;

namespace Rlhf.Training.Runs;

/// <summary>What an executor sees of the run it executes. Used on the compute thread only.</summary>
public sealed class RunContext
{
    private static readonly TimeSpan s_retryInterval = TimeSpan.FromMilliseconds(500);

    private readonly RunQueue _queue;
    private readonly RunLease _lease;
    private readonly RunStop _stop;
    private readonly TimeSpan _progressInterval;
    private readonly long _minimumFreeBytes;
    private readonly TimeProvider _time;
    private long? _announcedAt;

    internal RunContext(
        Run run,
        RunLease lease,
        RunQueue queue,
        RunStop stop,
        string stateDirectory,
        string checkpointStore,
        IServiceProvider services,
        TimeSpan progressInterval,
        long minimumFreeBytes,
        TimeProvider time)
    {
        (Run, _lease, _queue, _stop) = (run, lease, queue, stop);
        (StateDirectory, CheckpointStore, Services) = (stateDirectory, checkpointStore, services);
        (_progressInterval, _minimumFreeBytes, _time) = (progressInterval, minimumFreeBytes, time);
    }

    /// <summary>The run as it was claimed; a detached copy.</summary>
    public Run Run { get; }

    /// <summary>Directory for the state a later attempt goes on from; holds what the attempt before left. Exists; removed when the run has completed.</summary>
    public string StateDirectory { get; }

    /// <summary>Directory of the checkpoint store. Exists.</summary>
    public string CheckpointStore { get; }

    /// <summary>Services of a scope that lives as long as this attempt.</summary>
    public IServiceProvider Services { get; }

    /// <summary>
    /// Asks the executor to stop at the next step: the run was cancelled, the process shuts down, or the lease was lost. Let the
    /// <see cref="OperationCanceledException"/> pass; after a shutdown the run goes on from its last state at the next start.
    /// </summary>
    public CancellationToken Stop => _stop.Token;

    /// <summary>Steps done, as last reported in this attempt.</summary>
    internal int LastStep { get; private set; }

    internal (Guid? OutputCheckpointId, Action<AppDbContext> Effects)? Completion { get; private set; }

    /// <summary>Stores a step's progress and metrics, waiting for a database that is briefly away. Values that are not finite are left out.</summary>
    /// <param name="step">Steps done.</param>
    /// <param name="totalSteps">Steps in all.</param>
    /// <param name="metrics">Values by slash name, for example "objective/kl".</param>
    /// <exception cref="OperationCanceledException">The run is to stop; what was reported is stored unless the lease was lost.</exception>
    /// <exception cref="DiskFullException">Less than <c>Storage:MinimumFreeBytes</c> are free; let it pass, the run is tried again later.</exception>
    public void Report(int step, int totalSteps, IReadOnlyDictionary<string, double> metrics)
    {
        var now = _time.GetTimestamp();
        var announce = step >= totalSteps || _announcedAt is not { } last || _time.GetElapsedTime(last, now) >= _progressInterval;
        var state = Insist(() => _queue.ReportAsync(_lease, step, totalSteps, metrics, announce));
        if (announce)
        {
            _announcedAt = now;
        }

        LastStep = step;
        if (state == LeaseState.Lost)
        {
            _stop.Request(StopReason.LeaseLost);
            throw new LeaseLostException(_lease);
        }

        if (state == LeaseState.CancelRequested)
        {
            _stop.Request(StopReason.Cancelled);
        }

        Stop.ThrowIfCancellationRequested();
        if (announce)
        {
            // Others live on the volume, too: before it runs full, the run steps aside with the state it has.
            DiskSpace.Require(StateDirectory, bytes: 0, _minimumFreeBytes, $"the next state of run {Run.Id}");
        }
    }

    /// <summary>Commits changes now (the judgments trained on, sampled completions …) if the lease is still held. Called again after a crash, so make them repeatable.</summary>
    /// <param name="effects">Changes and outbox rows; saved by the caller. May be called again with a fresh context when the database was away.</param>
    /// <exception cref="LeaseLostException">The lease is not held; nothing was written.</exception>
    public void Save(Action<AppDbContext> effects)
    {
        try
        {
            Insist(async () =>
            {
                await _queue.SaveAsync(_lease, effects);
                return true;
            });
        }
        catch (LeaseLostException)
        {
            _stop.Request(StopReason.LeaseLost);
            throw;
        }
    }

    /// <summary>
    /// Says that the work is done. When the executor returns, the effects, the run's status and the message about it are committed in one
    /// transaction, provided that the lease is still held.
    /// </summary>
    /// <param name="effects">Changes and outbox rows, for example the checkpoint's row and its message. May query; must not save. May be called again with a fresh context.</param>
    /// <param name="outputCheckpointId">The checkpoint the run published, if it did.</param>
    public void Complete(Action<AppDbContext> effects, Guid? outputCheckpointId = null)
    {
        ArgumentNullException.ThrowIfNull(effects);
        if (Completion is not null)
        {
            throw new InvalidOperationException($"Run {Run.Id} was completed twice.");
        }

        Completion = (outputCheckpointId, effects);
    }

    private T Insist<T>(Func<Task<T>> write)
    {
        while (true)
        {
            try
            {
                // The compute thread belongs to this run, so waiting on it holds up nobody else.
                return write().GetAwaiter().GetResult();
            }
            catch (Exception exception) when (RunFaults.IsDatabaseAway(exception))
            {
                Stop.ThrowIfCancellationRequested();
                Stop.WaitHandle.WaitOne(s_retryInterval);
            }
        }
    }
}
