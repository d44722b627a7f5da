using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Rlhf.Data.Entities;
using Rlhf.Hosting;

namespace Rlhf.Training.Runs;

/// <summary>Claims the runs this process has executors for, one at a time, and executes them on the compute thread under a heartbeat.</summary>
public sealed partial class RunWorker(
    RunQueue queue,
    ComputeDevice device,
    IServiceScopeFactory scopes,
    IOptions<RunOptions> options,
    IOptions<StorageOptions> storage,
    TimeProvider time,
    WorkerPulse pulse,
    ILogger<RunWorker> logger) : BackgroundService
{
    private readonly ComputeThread _compute = new();

    /// <summary>Names this worker in the leases it holds: machine, process, and a number no other process ever has.</summary>
    public string Owner { get; } = $"{Environment.MachineName}/{Environment.ProcessId}/{Guid.NewGuid():N}";

    /// <inheritdoc/>
    public override void Dispose()
    {
        _compute.Dispose();
        base.Dispose();
    }

    /// <summary>Claims and executes one run, if there is one. Returns whether there was.</summary>
    internal async Task<bool> ExecuteNextAsync(IReadOnlyCollection<string> kinds, CancellationToken stoppingToken)
    {
        await queue.RequeueExpiredAsync(stoppingToken);
        using var turn = await device.EnterAsync(stoppingToken);
        if (await queue.ClaimAsync(kinds, Owner, stoppingToken) is not { } run)
        {
            return false;
        }

        await ExecuteRunAsync(run, stoppingToken);
        return true;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var kinds = FindKinds();
        var started = false;
        while (!stoppingToken.IsCancellationRequested)
        {
            pulse.Beat();
            try
            {
                if (!started && options.Value.TakeOverAtStart)
                {
                    await queue.RequeueDeadOwnersAsync(Owner, stoppingToken);
                }

                started = true;
                if (!await ExecuteNextAsync(kinds, stoppingToken))
                {
                    await Task.Delay(options.Value.PollInterval, time, stoppingToken);
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception)
            {
                Log.QueueFailed(logger, exception.Message);
                await Task.Delay(TimeSpan.FromSeconds(1), time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private string[] FindKinds()
    {
        using var scope = scopes.CreateScope();
        var kinds = scope.ServiceProvider.GetServices<IRunExecutor>().Select(e => e.Kind).ToArray();
        return kinds.Distinct(StringComparer.Ordinal).Count() == kinds.Length
            ? kinds
            : throw new InvalidOperationException($"A run kind has two executors: {string.Join(", ", kinds.Order(StringComparer.Ordinal))}.");
    }

    private async Task ExecuteRunAsync(Run run, CancellationToken stoppingToken)
    {
        var lease = new RunLease(run.Id, Owner, run.FencingToken);
        using var stop = new RunStop();
        await using var registration = stoppingToken.Register(() => stop.Request(StopReason.Shutdown));
        using var ended = new CancellationTokenSource();
        var heartbeat = HeartbeatAsync(lease, stop, ended.Token);
        Log.Started(logger, run.Id, run.Kind, run.Attempt);
        try
        {
            var stateDirectory = Directory.CreateDirectory(storage.Value.RunPath(run.Id)).FullName;
            var checkpointStore = Directory.CreateDirectory(storage.Value.CheckpointPath).FullName;
            await using var scope = scopes.CreateAsyncScope();
            var context = new RunContext(run, lease, queue, stop, stateDirectory, checkpointStore, scope.ServiceProvider, options.Value.ProgressInterval, time);
            await ExecuteToTheEndAsync(context, lease, stop);
        }
        catch (LeaseLostException exception)
        {
            Log.LeaseLost(logger, exception.Message);
        }
        catch (Exception exception)
        {
            // The run's end could not be written. Its lease runs out, and another attempt goes on from the last state.
            Log.EndFailed(logger, exception, run.Id);
        }
        finally
        {
            await ended.CancelAsync();
            await heartbeat;
        }
    }

    private async Task ExecuteToTheEndAsync(RunContext context, RunLease lease, RunStop stop)
    {
        Exception? error = null;
        try
        {
            var executor = context.Services.GetServices<IRunExecutor>().Single(e => e.Kind == context.Run.Kind);
            await _compute.RunAsync(() => executor.Execute(context));
        }
        catch (Exception exception)
        {
            error = exception;
        }

        if (stop.Reason == StopReason.LeaseLost)
        {
            throw new LeaseLostException(lease);
        }

        var wasStopped = stop.Reason != StopReason.None && (error is OperationCanceledException || (error is null && context.Completion is null));
        if (wasStopped && stop.Reason == StopReason.Cancelled)
        {
            await queue.CancelAsync(lease);
            Log.Cancelled(logger, lease.RunId);
        }
        else if (wasStopped)
        {
            await queue.ReleaseAsync(lease);
            Log.Released(logger, lease.RunId);
        }
        else if (error is null && context.Completion is { } completion)
        {
            error = await TryCompleteAsync(context, lease, completion);
        }
        else
        {
            error ??= new InvalidOperationException($"The executor of '{context.Run.Kind}' returned without completing the run.");
        }

        if (error is not null && !wasStopped)
        {
            Log.Failed(logger, error, lease.RunId);
            await queue.FailAsync(lease, Describe(error));
        }
    }

    private async Task<Exception?> TryCompleteAsync(RunContext context, RunLease lease, (Guid? OutputCheckpointId, Action<Data.AppDbContext> Effects) completion)
    {
        while (true)
        {
            try
            {
                await queue.CompleteAsync(lease, completion.OutputCheckpointId, completion.Effects);
                Log.Completed(logger, lease.RunId);
                RemoveState(context.StateDirectory);
                return null;
            }
            catch (LeaseLostException)
            {
                throw;
            }
            catch (Exception exception) when (RunContext.IsTransient(exception) && !context.Stop.IsCancellationRequested)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(500), time);
            }
            catch (Exception exception)
            {
                return exception;
            }
        }
    }

    private async Task HeartbeatAsync(RunLease lease, RunStop stop, CancellationToken ended)
    {
        // Measured here, from before the renewal was sent: when it is over for us it is not yet over for the others.
        var renewedAt = time.GetTimestamp();
        using var timer = new PeriodicTimer(options.Value.HeartbeatInterval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(ended))
            {
                pulse.Beat();
                var sentAt = time.GetTimestamp();
                try
                {
                    var state = await queue.HeartbeatAsync(lease, ended);
                    renewedAt = sentAt;
                    if (state != LeaseState.Held)
                    {
                        stop.Request(state == LeaseState.Lost ? StopReason.LeaseLost : StopReason.Cancelled);
                    }
                }
                catch (Exception exception) when (exception is not OperationCanceledException)
                {
                    Log.HeartbeatFailed(logger, lease.RunId, exception.Message);
                    if (time.GetElapsedTime(renewedAt) >= options.Value.LeaseDuration)
                    {
                        stop.Request(StopReason.LeaseLost);
                    }
                }
            }
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // The run has ended.
        }
    }

    private void RemoveState(string directory)
    {
        try
        {
            Directory.Delete(directory, recursive: true);
        }
        catch (IOException exception)
        {
            Log.StateStays(logger, directory, exception.Message);
        }
    }

    private static string Describe(Exception error) => $"{error.Message}\n{error}";

    private static partial class Log
    {
        [LoggerMessage(EventId = 2001, Level = LogLevel.Information, Message = "Run {RunId} ({Kind}) started, attempt {Attempt}")]
        public static partial void Started(ILogger logger, Guid runId, string kind, int attempt);

        [LoggerMessage(EventId = 2002, Level = LogLevel.Information, Message = "Run {RunId} completed")]
        public static partial void Completed(ILogger logger, Guid runId);

        [LoggerMessage(EventId = 2003, Level = LogLevel.Information, Message = "Run {RunId} was cancelled")]
        public static partial void Cancelled(ILogger logger, Guid runId);

        [LoggerMessage(EventId = 2004, Level = LogLevel.Information, Message = "Run {RunId} was interrupted and goes on at the next start")]
        public static partial void Released(ILogger logger, Guid runId);

        [LoggerMessage(EventId = 2005, Level = LogLevel.Error, Message = "Run {RunId} failed")]
        public static partial void Failed(ILogger logger, Exception exception, Guid runId);

        [LoggerMessage(EventId = 2006, Level = LogLevel.Warning, Message = "{Reason}")]
        public static partial void LeaseLost(ILogger logger, string reason);

        [LoggerMessage(EventId = 2007, Level = LogLevel.Error, Message = "The end of run {RunId} could not be written")]
        public static partial void EndFailed(ILogger logger, Exception exception, Guid runId);

        [LoggerMessage(EventId = 2008, Level = LogLevel.Warning, Message = "The lease of run {RunId} could not be renewed: {Reason}")]
        public static partial void HeartbeatFailed(ILogger logger, Guid runId, string reason);

        [LoggerMessage(EventId = 2009, Level = LogLevel.Warning, Message = "The run queue could not be read and is tried again: {Reason}")]
        public static partial void QueueFailed(ILogger logger, string reason);

        [LoggerMessage(EventId = 2010, Level = LogLevel.Warning, Message = "The state directory {Directory} of a completed run could not be removed: {Reason}")]
        public static partial void StateStays(ILogger logger, string directory, string reason);
    }
}
